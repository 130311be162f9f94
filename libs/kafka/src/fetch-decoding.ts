import type { Broker, Cluster } from 'kafkajs';
import { decodeFetched, FETCH_VERSION } from './fetch-response.ts';
import type { ProtocolRequest } from './produce-request.ts';

const FETCH_KEY = 1;

type Send = <Answer>(request: ProtocolRequest<Answer>) => Promise<Answer>;

/** Kafkajs' broker has it; its types leave it out. */
interface BrokerWithConnections {
  connectionPool: { send: Send };
}

/**
 * From now on the fetch responses of this cluster's brokers are decoded here. kafkajs copies all headers of a record for
 * each of them (quadratic in their number) and makes a BigInt and a string of each offset and time, which was a
 * quarter of the CPU of a busy consumer. Its requests, its errors and what it makes of the answer stay its own, and so
 * does the decoding of what is not known here.
 */
export function decodeFetchesOf(cluster: Cluster): void {
  const findBroker = cluster.findBroker.bind(cluster);
  const known = new WeakSet<object>();
  cluster.findBroker = async (node) => {
    const broker = (await findBroker(node)) as Broker & BrokerWithConnections;
    const { connectionPool } = broker;
    if (!known.has(connectionPool)) {
      known.add(connectionPool);
      const send = connectionPool.send.bind(connectionPool) as Send;
      connectionPool.send = (request) => send(withOurDecoding(request));
    }
    return broker;
  };
}

/** The same request, its response decoded here if it is a fetch of the version that is. */
export function withOurDecoding<Answer>(asked: ProtocolRequest<Answer>): ProtocolRequest<Answer> {
  const { request, response } = asked;
  if (request.apiKey !== FETCH_KEY || request.apiVersion !== FETCH_VERSION) return asked;
  return {
    ...asked,
    response: {
      parse: (answer) => response.parse(answer),
      decode: async (payload) => (decodeFetched(payload) as Answer | undefined) ?? response.decode(payload),
    },
  };
}
