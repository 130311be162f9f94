import type { BatchAnswer } from '@trackline/contracts';
import { answered, type Decision } from './decision.ts';

type Result = BatchAnswer['results'][number];

/**
 * The answer to a batch as it is remembered. A thousand good items say nothing but their ids, which are made from the
 * key: some 1 KB instead of 100, for each batch of two days.
 */
interface PackedBatch {
  readonly kind: 'batch';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A letter per item. */
  readonly items: string;
  /** By index, what is not as the letter and the key say. */
  readonly odd: Readonly<Record<string, readonly [eventId: string | null, error: string | null]>>;
  readonly workflowsTriggered: number;
  readonly executionsResumed: number;
}

export type PackedDecision = Decision | PackedBatch;

/** The id of the item at an index under the key of the request. */
export type ItemId = (index: number) => string;

const LETTERS = {
  admitted: 'a',
  accepted: 'p',
  duplicate: 'd',
  over_limit: 'l',
  invalid: 'i',
  contact_not_found: 'c',
} as const satisfies Record<Result['status'], string>;
const STATUSES = Object.fromEntries(
  Object.entries(LETTERS).map(([status, letter]) => [letter, status]),
) as Record<string, Result['status']>;

export function packDecision(decision: Decision, itemId: ItemId): PackedDecision {
  if (decision.kind !== 'answered' || !isBatchAnswer(decision.body)) return decision;
  const { results, workflowsTriggered, executionsResumed } = decision.body;
  const odd: Record<string, [string | null, string | null]> = {};
  for (const { index, eventId, error } of results) {
    if (error !== undefined || eventId !== itemId(index)) odd[index] = [eventId ?? null, error ?? null];
  }
  return {
    kind: 'batch',
    status: decision.status,
    headers: decision.headers,
    items: results.map(({ status }) => LETTERS[status]).join(''),
    odd,
    workflowsTriggered,
    executionsResumed,
  };
}

export function unpackDecision(packed: PackedDecision, itemId: ItemId): Decision {
  if (packed.kind !== 'batch') return packed;
  const results = [...packed.items].map((letter, index) =>
    resultOf(STATUSES[letter]!, index, packed.odd[index], itemId),
  );
  const errors = results.flatMap(({ index, error }) =>
    error === undefined ? [] : [`events[${index}]: ${error}`],
  );
  const { workflowsTriggered, executionsResumed } = packed;
  const body: BatchAnswer = {
    success: errors.length === 0,
    processed: results.length - errors.length,
    workflowsTriggered,
    executionsResumed,
    errors,
    results,
  };
  return answered(packed.status, body, packed.headers);
}

function resultOf(
  status: Result['status'],
  index: number,
  odd: PackedBatch['odd'][string] | undefined,
  itemId: ItemId,
): Result {
  const [eventId, error] = odd ?? [itemId(index), null];
  return {
    index,
    status,
    ...(eventId === null ? undefined : { eventId }),
    ...(error === null ? undefined : { error }),
  };
}

const isBatchAnswer = (body: unknown): body is BatchAnswer =>
  Array.isArray((body as { results?: unknown } | null)?.results);
