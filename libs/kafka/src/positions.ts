import type { Admin } from 'kafkajs';
import { backoffMs, waitFor } from './backoff.ts';
import type { KafkaConnection } from './connection.ts';
import { describeError } from './faults.ts';

export interface Bounds {
  /** First offset that is still there. */
  low: number;
  /** Offset that the next message gets. */
  high: number;
}

/** What the broker knows of offsets. Topics are the broker's names. One admin connection, opened when first needed. */
export class Positions {
  readonly #connection: KafkaConnection;
  #admin: Promise<Admin> | undefined;

  constructor(connection: KafkaConnection) {
    this.#connection = connection;
  }

  async bounds(topic: string): Promise<Map<number, Bounds>> {
    const offsets = await this.#ask((admin) => admin.fetchTopicOffsets(topic));
    return new Map(
      offsets.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]),
    );
  }

  /** Committed offsets of a group; a partition without one is missing. */
  async committed(groupId: string, topic: string): Promise<Map<number, number>> {
    const [offsets] = await this.#ask((admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    const known = (offsets?.partitions ?? []).map(
      ({ partition, offset }) => [partition, Number(offset)] as const,
    );
    return new Map(known.filter(([, offset]) => offset >= 0));
  }

  async close(): Promise<void> {
    const admin = this.#admin;
    this.#admin = undefined;
    await disconnect(admin);
  }

  async #ask<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const connecting = (this.#admin ??= this.#connect());
    try {
      return await question(await connecting);
    } catch (error) {
      if (this.#admin === connecting) this.#admin = undefined;
      throw error;
    } finally {
      // Closed meanwhile: kafkajs opens its connections again when it tries again.
      if (this.#admin !== connecting) void disconnect(connecting);
    }
  }

  async #connect(): Promise<Admin> {
    const admin = this.#connection.newClient().admin();
    await admin.connect();
    return admin;
  }
}

async function disconnect(connecting: Promise<Admin> | undefined): Promise<void> {
  try {
    await (await connecting)?.disconnect();
  } catch {
    // It never connected, or is gone already: either way there is nothing left to close.
  }
}

/** Runs `work` until it succeeds or the signal is raised (then: undefined). */
export async function persist<Result>(
  what: string,
  connection: KafkaConnection,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      return await work();
    } catch (error) {
      const waitMs = backoffMs(attempt, 100, 5_000);
      connection.logger.warn(
        { error: describeError(error), attempt, waitMs },
        `${what} failed, trying again`,
      );
      await waitFor(waitMs, signal);
    }
  }
  return undefined;
}
