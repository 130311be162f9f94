import { eventually } from '@trackline/testkit';
import { provision } from '@trackline/kafka';
import { freePort, PARTITIONS, type Stage } from '../stage/stage.ts';

const ASK = 'raw-http.ask';
const ANSWER = 'raw-http.answer';
const DAY_MS = 86_400_000;
const UP_WITHIN_MS = 60_000;

/** The baseline of HTTP: `baselines/raw-http.ts`, and the process that sends back. */
export async function openRawHttp(stage: Stage) {
  const declared = [ASK, ANSWER].map((name) => ({
    ...{ name, partitions: PARTITIONS.contact, retentionMs: DAY_MS },
    cleanupPolicy: 'delete' as const,
    timestampType: 'CreateTime' as const,
  }));
  await provision(stage.kafka, declared, { replicationFactor: 1 });
  const port = await freePort();
  const env = {
    ASK_TOPIC: stage.kafka.withPrefix(ASK),
    ANSWER_TOPIC: stage.kafka.withPrefix(ANSWER),
    HTTP_PORT: String(port),
    PARTITIONS: String(PARTITIONS.contact),
  };
  const processes = [stage.baseline('raw-echo', env), stage.baseline('raw-http', env)];
  const origin = `http://127.0.0.1:${port}`;
  await eventually(
    async () => {
      const answer = await fetch(origin, { method: 'POST', body: '{}', signal: AbortSignal.timeout(5_000) });
      return answer.status === 200;
    },
    { withinMs: UP_WITHIN_MS, everyMs: 200 },
  );
  return { origin, processes };
}
