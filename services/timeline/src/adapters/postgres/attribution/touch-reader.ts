import type { CampaignType } from '@trackline/contracts';
import type { Queryable } from '@trackline/postgres';
import { HOUR_MS, type AttributionSettings, type Touch } from '../../../domain/attribution.ts';
import { adOf, UNKNOWN_AD, type AdTraces } from '../../../domain/meta-event.ts';
import type { OrderFact } from '../../../domain/order-fact.ts';

/** An order to be attributed under some settings, with all ids of its contact. */
export interface AttributionTask {
  readonly fact: OrderFact;
  readonly members: readonly string[];
  readonly settings: AttributionSettings;
  /** Executions that the order started. */
  readonly causedExecutions: ReadonlySet<string>;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** One row per task and id of its contact: `task` is the task's place in the list. */
const tasksByMember = (tasks: readonly AttributionTask[]) =>
  tasks.flatMap((task, place) => task.members.map((contactId) => ({ place, contactId, ...task })));

/** Pairs (place of the task, execution that its order caused). */
const causedPairs = (tasks: readonly AttributionTask[]) =>
  tasks.flatMap(({ causedExecutions }, place) =>
    [...causedExecutions].map((executionId) => [place, executionId] as const),
  );

function taskValues(tasks: readonly AttributionTask[]): unknown[] {
  const rows = tasksByMember(tasks);
  const caused = causedPairs(tasks);
  return [
    rows.map((row) => row.place),
    rows.map((row) => row.fact.organizationId),
    rows.map((row) => row.contactId),
    rows.map((row) => iso(row.fact.occurredAtMs)),
    rows.map((row) => iso(row.fact.occurredAtMs - row.settings.windowHours * HOUR_MS)),
    rows.map((row) => row.settings.model === 'last_touch'),
    caused.map(([place]) => place),
    caused.map(([, executionId]) => executionId),
  ];
}

const TASKS = `
  task AS (
    SELECT * FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::boolean[])
      AS task (place, organization_id, contact_id, at, since, is_last)
  ), caused AS (
    SELECT * FROM unnest($7::int[], $8::uuid[]) AS caused (place, execution_id)
  )
`;

const TOUCH = 'message_key, occurred_at, campaign_type, campaign_id, execution_id';
/** Not by `=`: the primary key begins with the organisation and must not be taken for the index of contacts (see the migration). */
const OF_CONTACT =
  'touch.contact_id = task.contact_id AND touch.organization_id IS NOT DISTINCT FROM task.organization_id';
const IS_CAUSED =
  'EXISTS (SELECT FROM caused WHERE caused.place = task.place AND caused.execution_id = touch.execution_id)';

const earning = (weight: 1 | 2, isLast: boolean): string => `
  (SELECT ${TOUCH} FROM timeline.conversation AS touch
   WHERE ${isLast ? 'task.is_last' : 'NOT task.is_last'} AND ${OF_CONTACT} AND weight = ${weight}
     AND occurred_at BETWEEN task.since AND task.at AND (touch.execution_id IS NULL OR NOT ${IS_CAUSED})
   ORDER BY occurred_at ${isLast ? 'DESC' : 'ASC'}, message_key ${isLast ? 'DESC' : 'ASC'} LIMIT 1)
`;

/** However many conversations a contact had: only those that can earn the order, one per kind, from the end that the model looks at. */
const EARNING = `
  WITH ${TASKS}
  SELECT task.place, found.* FROM task CROSS JOIN LATERAL (
    ${[earning(2, true), earning(2, false), earning(1, true), earning(1, false)].join(' UNION ALL ')}
  ) AS found
`;

/** For an order that nobody earned: one conversation of each kind that did not, which tells why. */
const IN_VAIN = `
  WITH ${TASKS}
  SELECT task.place, found.* FROM task CROSS JOIN LATERAL (
    (SELECT ${TOUCH} FROM timeline.conversation AS touch
     WHERE ${OF_CONTACT} AND weight IN (1, 2) AND occurred_at < task.since LIMIT 1)
    UNION ALL
    (SELECT ${TOUCH} FROM timeline.conversation AS touch
     WHERE ${OF_CONTACT} AND weight IN (1, 2) AND occurred_at > task.at LIMIT 1)
    UNION ALL
    (SELECT ${TOUCH} FROM timeline.conversation AS touch
     WHERE ${OF_CONTACT} AND weight IN (1, 2) AND occurred_at BETWEEN task.since AND task.at AND ${IS_CAUSED} LIMIT 1)
  ) AS found
`;

interface TouchRow {
  place: number;
  message_key: string;
  occurred_at: Date;
  campaign_type: CampaignType;
  campaign_id: string;
  execution_id: string | null;
}

const touchFromRow = (row: TouchRow): Touch => ({
  key: row.message_key,
  atMs: row.occurred_at.getTime(),
  campaign: { type: row.campaign_type, id: row.campaign_id },
  executionId: row.execution_id,
});

/** At each task's place, the conversations that decide who earned it: attributing by them is attributing by all. */
export const loadEarningTouches = (tx: Queryable, tasks: readonly AttributionTask[]): Promise<Touch[][]> =>
  loadTouches(tx, tasks, { name: 'timeline-earning-touches', text: EARNING });

/** At each task's place, conversations that did not earn it, one of each kind there is. */
export const loadTouchesInVain = (tx: Queryable, tasks: readonly AttributionTask[]): Promise<Touch[][]> =>
  loadTouches(tx, tasks, { name: 'timeline-touches-in-vain', text: IN_VAIN });

async function loadTouches(
  tx: Queryable,
  tasks: readonly AttributionTask[],
  statement: { readonly name: string; readonly text: string },
): Promise<Touch[][]> {
  const touches: Touch[][] = tasks.map(() => []);
  if (tasks.length === 0) return touches;
  const { rows } = await tx.query<TouchRow>({ ...statement, values: taskValues(tasks) });
  for (const row of rows) touches[row.place]!.push(touchFromRow(row));
  return touches;
}

const AD_TRACES = `
  WITH task AS (
    SELECT * FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::uuid[])
      AS task (place, organization_id, contact_id, at, click_key, message_key)
  )
  SELECT task.place, found.* FROM task CROSS JOIN LATERAL (
    (SELECT 'byClick' AS trace, occurred_at, campaign_id FROM timeline.conversation AS touch
     WHERE ${OF_CONTACT} AND campaign_type = 'ad' AND touch.click_key = task.click_key ORDER BY occurred_at DESC LIMIT 1)
    UNION ALL
    (SELECT 'byMessage', occurred_at, campaign_id FROM timeline.conversation AS touch
     WHERE ${OF_CONTACT} AND campaign_type = 'ad' AND touch.message_key = task.message_key LIMIT 1)
    UNION ALL
    (SELECT 'lastBefore', occurred_at, campaign_id FROM timeline.conversation AS touch
     WHERE ${OF_CONTACT} AND campaign_type = 'ad' AND occurred_at <= task.at ORDER BY occurred_at DESC LIMIT 1)
  ) AS found
  ORDER BY found.occurred_at, found.campaign_id
`;

/** At each task's place, the ads that Meta's event can be of. */
export async function loadAdTraces(tx: Queryable, tasks: readonly AttributionTask[]): Promise<AdTraces[]> {
  const traces: { -readonly [Trace in keyof AdTraces]: AdTraces[Trace] }[] = tasks.map(() => ({}));
  if (tasks.length === 0) return traces;
  const members = tasksByMember(tasks);
  const { rows } = await tx.query<{ place: number; trace: keyof AdTraces; campaign_id: string }>({
    name: 'timeline-ad-traces',
    text: AD_TRACES,
    values: [
      members.map((row) => row.place),
      members.map((row) => row.fact.organizationId),
      members.map((row) => row.contactId),
      members.map((row) => iso(row.fact.occurredAtMs)),
      members.map((row) => row.fact.clickKey),
      members.map((row) => row.fact.messageKey),
    ],
  });
  // The latest of several members' comes last.
  for (const row of rows) traces[row.place]![row.trace] = row.campaign_id;
  const lost = tasks.flatMap(({ fact }, place) =>
    adOf(fact.clickKey !== null, traces[place]!) === UNKNOWN_AD ? [{ place, fact }] : [],
  );
  for (const { place, adId } of await loadFoundAds(tx, lost)) traces[place]!.foundBefore = adId;
  return traces;
}

/** By the edition that is read: what told of an ad goes before the event does, and a new edition must not forget what is known. */
async function loadFoundAds(
  tx: Queryable,
  lost: readonly { readonly place: number; readonly fact: OrderFact }[],
): Promise<{ place: number; adId: string }[]> {
  if (lost.length === 0) return [];
  const { rows } = await tx.query<{ place: number; adId: string }>({
    name: 'timeline-found-ads',
    text: `
      SELECT wanted.place, held.ad_id AS "adId" FROM unnest($1::int[], $2::uuid[], $3::uuid[]) AS wanted (place, organization_id, event_id)
      CROSS JOIN LATERAL (
        SELECT edition FROM timeline.edition AS one
        WHERE one.organization_id = wanted.organization_id AND one.state = 'current' LIMIT 1
      ) AS shown
      CROSS JOIN LATERAL (
        SELECT ad_id FROM timeline.attribution AS one
        WHERE one.organization_id = wanted.organization_id AND one.edition = shown.edition AND one.event_id = wanted.event_id LIMIT 1
      ) AS held
      WHERE held.ad_id IS NOT NULL
    `,
    values: [
      lost.map(({ place }) => place),
      lost.map(({ fact }) => fact.organizationId),
      lost.map(({ fact }) => fact.eventId),
    ],
  });
  return rows;
}
