import { randomUUID } from 'node:crypto';
import { uuidv7 } from '@trackline/kernel';
import { provision } from '@trackline/kafka';
import { AdmittedFeed } from '../stage/admitted-feed.ts';
import { PARTITIONS, Stage } from '../stage/stage.ts';
import type { Resumer } from './resumer.ts';

const EVENTS = 'bare.admitted';
const PROGRESS = 'bare.progressed';
const ANSWERS = 'bare.outcomes';
const DAY_MS = 86_400_000;
const AT_ONCE = 10_000;

/** The baseline of resuming: `baselines/bare-resume.ts`, its topics and its two tables. */
export async function openBareWaits(): Promise<Resumer> {
  const stage = await Stage.open([]);
  try {
    await provision(
      stage.kafka,
      [EVENTS, PROGRESS, ANSWERS].map((name) => ({
        name,
        partitions: name === ANSWERS ? 1 : PARTITIONS.contact,
        retentionMs: DAY_MS,
        cleanupPolicy: 'delete' as const,
        timestampType: 'CreateTime' as const,
      })),
      { replicationFactor: 1 },
    );
    for (const text of [
      `CREATE TABLE bare_execution (id uuid PRIMARY KEY, contact uuid NOT NULL, status text NOT NULL, resumed_by uuid, moved_at timestamptz)`,
      `CREATE TABLE bare_wait (contact uuid, event_name text, execution uuid, PRIMARY KEY (contact, event_name, execution))`,
    ])
      await stage.database.query({ text });
    const process = stage.baseline('bare-resume', {
      SOURCE_TOPIC: EVENTS,
      PROGRESS_TOPIC: PROGRESS,
      ANSWER_TOPIC: ANSWERS,
      PARTITIONS: String(PARTITIONS.contact),
    });
    const executions = (where: string) =>
      stage.count(`SELECT count(*)::bigint AS n FROM bare_execution WHERE ${where}`);
    return {
      name: 'baseline',
      feed: new AdmittedFeed(stage, EVENTS),
      organizationId: uuidv7(),
      answersTopic: ANSWERS,
      progressTopic: PROGRESS,
      progressOfEach: 1,
      process,
      watched: () => stage.watched(process),
      lay: (count) => lay(stage, count),
      counts: async () => ({
        waiting: await executions(`status = 'waiting'`),
        resumed: await executions(`status = 'completed'`),
      }),
      close: () => stage.close(),
    };
  } catch (error) {
    await stage.close();
    throw error;
  }
}

async function lay(stage: Stage, count: number): Promise<string[]> {
  const contacts: string[] = [];
  while (contacts.length < count) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - contacts.length) }, () => randomUUID());
    await stage.database.query({
      text: `WITH laid AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS laid (id, contact)),
               waits AS (INSERT INTO bare_wait SELECT contact, 'crossed', id FROM laid)
             INSERT INTO bare_execution (id, contact, status) SELECT id, contact, 'waiting' FROM laid`,
      values: [some.map(() => uuidv7()), some],
    });
    contacts.push(...some);
  }
  await stage.database.query({ text: 'VACUUM (ANALYZE) bare_execution, bare_wait' });
  return contacts;
}
