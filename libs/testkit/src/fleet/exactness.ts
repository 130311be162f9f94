import {
  ADMITTED,
  clientNamedEventId,
  decodeAdmitted,
  decodeReceived,
  decodeRefused,
  formatPosition,
  INBOUND,
  RECEIVED,
  REFUSED,
  sourceName,
  type RawMessage,
  type SourceTopic,
} from '@trackline/contracts';
import { endOffsets, readToEnd } from '@trackline/kafka';
import { eventually } from '../eventually.ts';
import type { Fleet } from './fleet.ts';
import type { SentEvent } from './load.ts';

export interface ExactnessSettings {
  readonly withinMs?: number;
  /** By organisation; one that is not here may refuse nothing. */
  readonly hardCaps?: ReadonlyMap<string, number>;
}

/** What was found, for tests that want to see that something happened at all. */
export interface Exactness {
  /** Messages of both source topics that are events. */
  readonly received: number;
  readonly admitted: number;
  readonly replays: number;
  readonly duplicates: number;
  readonly overLimit: number;
  /** Verdicts that were published once more, word for word. */
  readonly doubles: number;
}

/** A message of a source topic. */
interface Source {
  readonly position: string;
  readonly organizationId: string;
  readonly eventId: string;
  readonly name: string;
  readonly uniqueId: string | undefined;
}

interface Verdict {
  readonly kind: 'admitted' | 'replay' | 'duplicate' | 'over_limit';
  readonly source: string;
  readonly offset: number;
  readonly organizationId: string;
  readonly eventId: string;
  readonly name: string;
  readonly uniqueId: string | undefined;
  readonly month: string;
  /** Of the first: its position or its event id. */
  readonly of: string | undefined;
  /** Where it stands: topic and partition. */
  readonly place: string;
  /** All of it, to be compared word for word. */
  readonly text: string;
}

const GROUP = 'dedup-meter';
const TICK_TYPE = 'com.trackline.tick';
const GENERATION = 1;
const SHOWN_PROBLEMS = 12;
const SOURCES: readonly (readonly [string, SourceTopic])[] = [
  [RECEIVED, 'received'],
  [INBOUND, 'inbound'],
];

/**
 * Waits until the fleet has come to rest, then holds everything against everything: the source topics against the verdicts, offset by
 * offset; the verdicts against each other, the ledger, Redis and the timeline; all of it against what was sent. Throws with what is wrong.
 * Instances must be up, and ticks must be on (they trim the journal).
 */
export async function assertExact(
  fleet: Fleet,
  sent: readonly SentEvent[],
  { withinMs = 120_000, hardCaps = new Map() }: ExactnessSettings = {},
): Promise<Exactness> {
  fleet.assertNoneDied();
  await atRest(fleet, withinMs);
  const [sources, verdicts] = await Promise.all([readSources(fleet), readVerdicts(fleet)]);
  const problems: string[] = [];
  const firsts = onePerPosition(sources, verdicts, problems);
  inOrder(verdicts, problems);
  judgedRightly(firsts, hardCaps, problems);
  asSent(sent, firsts, hardCaps, problems);
  await countedAlike(fleet, firsts, withinMs, problems);
  fleet.assertNoneDied();
  if (problems.length > 0) {
    const shown = problems.slice(0, SHOWN_PROBLEMS).join('\n  ');
    throw new Error(`${problems.length} things are not exact:\n  ${shown}`);
  }
  const count = (kind: Verdict['kind']) => [...firsts.values()].filter((one) => one.kind === kind).length;
  return {
    received: sources.size,
    admitted: count('admitted'),
    replays: count('replay'),
    duplicates: count('duplicate'),
    overLimit: count('over_limit'),
    doubles: verdicts.length - firsts.size,
  };
}

/** All that the source topics hold by now is judged, published and committed, and the journal has nothing left to repeat. */
async function atRest(fleet: Fleet, withinMs: number): Promise<void> {
  for (const [topic] of SOURCES) {
    const ends = await endOffsets(fleet.kafka, topic);
    await eventually(
      async () => {
        const committed = await fleet.committedOffsets(GROUP, topic);
        const behind = [...ends].filter(
          ([partition, end]) => (committed.get(partition) ?? -1) < end && end > 0,
        );
        if (behind.length === 0) return true;
        const [partition, end] = behind[0]!;
        throw new Error(`${topic}[${partition}] is decided up to ${committed.get(partition)} of ${end}`);
      },
      { withinMs, everyMs: 200 },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${fleet.lastWords()}`, { cause: error });
    });
  }
  await eventually(
    async () => {
      const { rows } = await fleet.database.query(
        'SELECT s.name FROM dedup_meter.journal j JOIN dedup_meter.source s ON s.id = j.source',
      );
      if (rows.length > 0) throw new Error(`the journal still holds batches of ${rows[0].name}`);
      return true;
    },
    { withinMs, everyMs: 200 },
  );
}

async function readSources(fleet: Fleet): Promise<Map<string, Source>> {
  const sources = new Map<string, Source>();
  for (const [topic, name] of SOURCES) {
    await readToEnd({
      connection: fleet.kafka,
      topic,
      onMessage: (message) => {
        if (message.headers.ce_type?.toString() === TICK_TYPE) return;
        const position = formatPosition({
          source: sourceName(name, GENERATION, message.partition),
          offset: message.offset,
        });
        sources.set(position, {
          position,
          ...(name === 'received' ? factsOf(message) : inboundFactsOf(message)),
        });
      },
    });
  }
  return sources;
}

function factsOf(message: RawMessage): Omit<Source, 'position'> {
  const { organizationId, eventId, name, uniqueId } = decodeReceived(message);
  return { organizationId, eventId, name, uniqueId };
}

function inboundFactsOf({ headers, value }: RawMessage): Omit<Source, 'position'> {
  const source = String(headers.ce_source);
  const organizationId = source.split('/')[2] ?? '';
  const { name, uniqueId } = JSON.parse(String(value)) as { name: string; uniqueId?: string };
  return {
    organizationId,
    eventId: clientNamedEventId(organizationId, source, String(headers.ce_id)),
    name,
    uniqueId,
  };
}

/** In the order of their partitions. */
async function readVerdicts(fleet: Fleet): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const topic of [ADMITTED, REFUSED]) {
    await readToEnd({
      connection: fleet.kafka,
      topic,
      onMessage: (message) => verdicts.push(toVerdict(topic, message)),
    });
  }
  return verdicts;
}

function toVerdict(topic: string, message: RawMessage & { readonly partition: number }): Verdict {
  const admitted = topic === ADMITTED ? decodeAdmitted(message) : undefined;
  const refused = admitted ? undefined : decodeRefused(message);
  const event = (admitted ?? refused)!;
  const { organizationId, eventId, name, uniqueId, position, receivedAtMs } = event;
  const headers = Object.entries(message.headers).map(([header, value]) => `${header}=${String(value)}`);
  return {
    kind: refused ? refused.refusal.verdict : admitted!.replayOf ? 'replay' : 'admitted',
    ...position,
    ...{ organizationId, eventId, name, uniqueId },
    month: new Date(receivedAtMs).toISOString().slice(0, 7),
    of: refused
      ? refused.refusal.verdict === 'duplicate'
        ? refused.refusal.duplicateOf
        : undefined
      : admitted!.replayOf && formatPosition(admitted!.replayOf),
    place: `${topic}[${message.partition}]`,
    text: [topic, message.partition, String(message.key), String(message.value), ...headers.sort()].join(
      '\n',
    ),
  };
}

/** Every event has a verdict, no position has two, and what was published again is the same. */
function onePerPosition(
  sources: ReadonlyMap<string, Source>,
  verdicts: readonly Verdict[],
  problems: string[],
): Map<string, Verdict> {
  const firsts = new Map<string, Verdict>();
  for (const verdict of verdicts) {
    const position = formatPosition(verdict);
    const first = firsts.get(position);
    if (!first) firsts.set(position, verdict);
    else if (first.text !== verdict.text)
      problems.push(`${position} has two verdicts:\n${first.text}\n--- and ---\n${verdict.text}`);
    const source = sources.get(position);
    if (!source) problems.push(`${position} has a verdict, and no event`);
    else if (source.eventId !== verdict.eventId)
      problems.push(`${position} is event ${source.eventId}, and was judged as ${verdict.eventId}`);
  }
  for (const { position, eventId } of sources.values()) {
    if (!firsts.has(position)) problems.push(`${position} (event ${eventId}) has no verdict`);
  }
  return firsts;
}

/** Of one source, what stands for the first time in a partition stands in the order of its offsets. */
function inOrder(verdicts: readonly Verdict[], problems: string[]): void {
  const highest = new Map<string, number>();
  const seen = new Set<string>();
  for (const verdict of verdicts) {
    const position = formatPosition(verdict);
    if (seen.has(position)) continue;
    seen.add(position);
    const stream = `${verdict.source} in ${verdict.place}`;
    const before = highest.get(stream) ?? -1;
    if (verdict.offset < before) problems.push(`${position} was published after ${before} of ${stream}`);
    highest.set(stream, Math.max(before, verdict.offset));
  }
}

const uniqueOf = ({
  organizationId,
  name,
  uniqueId,
}: Pick<Verdict, 'organizationId' | 'name' | 'uniqueId'>) =>
  uniqueId === undefined ? undefined : JSON.stringify([organizationId, name, uniqueId]);

function judgedRightly(
  firsts: ReadonlyMap<string, Verdict>,
  hardCaps: ReadonlyMap<string, number>,
  problems: string[],
): void {
  const admittedIds = new Map<string, string>();
  const admittedUniques = new Map<string, string>();
  for (const [position, verdict] of firsts) {
    if (verdict.kind !== 'admitted') continue;
    const other = admittedIds.get(verdict.eventId);
    if (other) problems.push(`event ${verdict.eventId} was admitted at ${other} and at ${position}`);
    admittedIds.set(verdict.eventId, position);
    const unique = uniqueOf(verdict);
    if (unique === undefined) continue;
    const holder = admittedUniques.get(unique);
    if (holder) problems.push(`${unique} was admitted as ${holder} and as ${verdict.eventId}`);
    admittedUniques.set(unique, verdict.eventId);
  }
  for (const [position, verdict] of firsts) {
    const { kind, of, eventId, organizationId } = verdict;
    if (kind === 'replay' && admittedIds.get(eventId) !== of)
      problems.push(
        `${position} replays ${of}, but event ${eventId} was admitted at ${admittedIds.get(eventId)}`,
      );
    if (kind === 'duplicate' && admittedUniques.get(uniqueOf(verdict) ?? '') !== of)
      problems.push(
        `${position} is a duplicate of ${of}, but ${uniqueOf(verdict)} is ${admittedUniques.get(uniqueOf(verdict) ?? '')}`,
      );
    if (kind === 'over_limit' && !hardCaps.has(organizationId))
      problems.push(`${position} was refused by a cap that its organisation does not have`);
  }
}

/** Events that may count once together. */
const claimOf = (one: Pick<SentEvent, 'organizationId' | 'name' | 'uniqueId' | 'eventId'>): string =>
  uniqueOf({ ...one, uniqueId: one.uniqueId }) ?? `event ${one.eventId}`;

function asSent(
  sent: readonly SentEvent[],
  firsts: ReadonlyMap<string, Verdict>,
  hardCaps: ReadonlyMap<string, number>,
  problems: string[],
): void {
  const claims = new Map(sent.map((one) => [claimOf(one), one.organizationId]));
  const admitted = [...firsts.values()].filter(({ kind }) => kind === 'admitted');
  const met = new Map(admitted.map((verdict) => [claimOf(verdict), verdict]));
  for (const [claim, { eventId, text }] of met)
    if (!claims.has(claim))
      problems.push(`${claim} was admitted as ${eventId}, and nobody sent it:\n${text}`);
  for (const organizationId of new Set(claims.values())) {
    const wanted = [...claims].filter(([, id]) => id === organizationId).map(([claim]) => claim);
    const cap = hardCaps.get(organizationId);
    const count = wanted.filter((claim) => met.has(claim)).length;
    if (cap !== undefined && count !== Math.min(cap, wanted.length))
      problems.push(
        `${organizationId} has ${count} events of ${wanted.length} that were sent, with a cap of ${cap}`,
      );
    if (cap === undefined)
      for (const claim of wanted)
        if (!met.has(claim)) problems.push(`${claim} was sent, and is not admitted`);
  }
  const ids = new Set([...firsts.values()].map(({ eventId }) => eventId));
  for (const one of sent) {
    const { heard } = one;
    const first = met.get(claimOf(one));
    if (heard?.eventId === undefined) continue;
    const says = `the sender of ${claimOf(one)} heard ${heard.verdict} ${heard.eventId}`;
    if (heard.verdict === 'accepted' && !ids.has(heard.eventId))
      problems.push(`${says}, which was never judged`);
    if ((heard.verdict === 'admitted' || heard.verdict === 'duplicate') && heard.eventId !== first?.eventId)
      problems.push(`${says}, but ${first?.eventId} was admitted`);
  }
}

/** Verdicts, ledger, Redis and timeline have the same numbers, and the timeline the same events. */
async function countedAlike(
  fleet: Fleet,
  firsts: ReadonlyMap<string, Verdict>,
  withinMs: number,
  problems: string[],
): Promise<void> {
  const admitted = [...firsts.values()].filter(({ kind }) => kind === 'admitted');
  const counts = new Map<string, number>();
  for (const { organizationId, month } of admitted) {
    const key = `${organizationId} ${month}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const { rows: usage } = await fleet.database.query<{ of: string; used: string }>(
    `SELECT organization_id || ' ' || to_char(day, 'YYYY-MM') AS of, sum(used) AS used FROM dedup_meter.usage GROUP BY 1`,
  );
  const ledger = new Map(usage.map(({ of, used }) => [of, Number(used)]));
  for (const key of new Set([...counts.keys(), ...ledger.keys()])) {
    const [organizationId, month] = key.split(' ');
    const total = await fleet.redis.client.hget(`tl:{${organizationId}}:m:${month}`, 'total');
    const [verdicts, committed] = [counts.get(key) ?? 0, ledger.get(key) ?? 0];
    if (verdicts !== committed || total === null || Number(total) !== committed)
      problems.push(`${key}: ${verdicts} verdicts, ${committed} in the ledger, ${total} in Redis`);
  }
  if (fleet.of('timeline').length > 0) await onTimeline(fleet, admitted, withinMs, problems);
}

async function onTimeline(
  fleet: Fleet,
  admitted: readonly Verdict[],
  withinMs: number,
  problems: string[],
): Promise<void> {
  const wanted = new Set(admitted.map(({ eventId }) => eventId));
  const read = async () => {
    const { rows } = await fleet.database.query<{ id: string }>('SELECT id FROM timeline.event');
    return rows.map(({ id }) => id);
  };
  const ids = await eventually(
    async () => {
      const now = await read();
      if (now.length < wanted.size)
        throw new Error(`${now.length} of ${wanted.size} events are on the timeline`);
      return now;
    },
    { withinMs, everyMs: 200 },
  ).catch(read);
  if (ids.length !== wanted.size)
    problems.push(`${ids.length} events on the timeline, ${wanted.size} admitted`);
  const there = new Set(ids);
  for (const id of wanted)
    if (!there.has(id)) problems.push(`event ${id} was admitted and is not on the timeline`);
}
