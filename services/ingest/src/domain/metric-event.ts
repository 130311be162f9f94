import {
  isStorableText,
  numbersAt,
  type Issue,
  type MetricEventAnswer,
  type MetricEventBody,
} from '@trackline/contracts';
import type { Outcome } from '@trackline/contracts';
import { err, ok, type Result } from '@trackline/kernel';
import { decimalOf } from './decimal.ts';
import { answered, refused, type Decision } from './decision.ts';
import { validateItem, type ItemNumbers, type TrackedEvent } from './tracked-event.ts';
import { eventLimitExceeded, type TrackContext } from './track-answer.ts';
import { usageHeaders } from './usage.ts';

/** E.164, or `undefined` when no reading of the text makes it a number. */
export type NormalizePhone = (written: string | number) => string | undefined;

const PHONE_RULE =
  'This is no phone number with a country code: write +33612345678, 0033612345678 or 33612345678; a national number (06 …) needs its country in front.';
const VALUE_RULE =
  'The value is a decimal that is not negative, of at most 15 digits before the point and 9 after it, as in "49.90".';
const CURRENCY_RULE = 'The currency is a code of three letters (ISO 4217).';

/** A metric event as any other: its contact is named by phone and made when missing; value and currency become properties. */
export const readMetric =
  (normalizePhone: NormalizePhone) =>
  (body: MetricEventBody, nowMs: number, numbers?: ItemNumbers): Result<TrackedEvent, Issue> => {
    const phone = isWrittenWhole(body.phone_number) ? normalizePhone(body.phone_number) : undefined;
    if (phone === undefined) return err({ path: '/phone_number', message: PHONE_RULE });
    const worth = readWorth(body, numbersAt(numbers, 'value'));
    if (!worth.ok) return worth;
    const event = validateItem(
      {
        name: body.name,
        ...(body.properties || worth.value
          ? { properties: { ...body.properties, ...worth.value } }
          : undefined),
        ...(body.unique_id === undefined ? undefined : { uniqueId: body.unique_id }),
        ...(body.occurred_at === undefined ? undefined : { occurredAt: body.occurred_at }),
      },
      nowMs,
      numbers,
    );
    if (!event.ok) return err(inSnakeCase(event.error));
    return ok({ ...event.value, contact: { by: 'phone', value: phone }, create: {} });
  };

/** A number of JSON that was rounded on its way is not what was written. */
const isWrittenWhole = (phone: string | number): boolean =>
  typeof phone === 'string' ? isStorableText(phone) : Number.isSafeInteger(phone) && phone > 0;

function readWorth(
  { value, currency }: MetricEventBody,
  valueAsSent: ItemNumbers,
): Result<Record<string, string> | undefined, Issue> {
  // As it was sent where that is a decimal, which `1e3` is not.
  const exact = typeof valueAsSent === 'string' ? decimalOf(valueAsSent) : undefined;
  const decimal = exact ?? (value === undefined ? undefined : decimalOf(value));
  if (value !== undefined && decimal === undefined) return err({ path: '/value', message: VALUE_RULE });
  const code = currency?.trim().toUpperCase();
  if (code !== undefined && !/^[A-Z]{3}$/.test(code))
    return err({ path: '/currency', message: CURRENCY_RULE });
  if (decimal === undefined && code === undefined) return ok(undefined);
  return ok({
    ...(decimal === undefined ? undefined : { value: decimal }),
    ...(code === undefined ? undefined : { currency: code }),
  });
}

const WORDS = { occurredAt: 'occurred_at', uniqueId: 'unique_id' } as const;

/** What the other routes call so, said in the words of this one; paths into the properties stay as they are. */
function inSnakeCase({ path, message }: Issue): Issue {
  for (const [camel, snake] of Object.entries(WORDS))
    if (path === `/${camel}`) return { path: `/${snake}`, message: message.replaceAll(camel, snake) };
  return { path, message };
}

/** The answer to a metric event, as Wax gives it. `outcome` is missing when there was none before the deadline. */
export function metricAnswer(
  outcome: Outcome | undefined,
  context: TrackContext,
  event: TrackedEvent,
): Decision {
  const told: MetricEventAnswer = {
    id: context.eventId,
    name: event.name,
    phone_number: event.contact?.value ?? '',
    unique_id: event.uniqueId ?? null,
    created_at: new Date(context.requestedAtMs).toISOString(),
  };
  if (outcome === undefined || outcome.verdict === 'accepted')
    return answered(202, { ...told, status: 'accepted' } satisfies MetricEventAnswer);
  const headers = usageHeaders(context.plan, outcome.monthUsed);
  switch (outcome.verdict) {
    case 'admitted':
      return answered(201, told, headers);
    case 'duplicate':
      return refused('DUPLICATE_EVENT', 'Event already exists', {
        headers,
        extra: { event_id: outcome.duplicateOf ?? outcome.eventId },
      });
    case 'over_limit':
      return eventLimitExceeded({ ...context, used: outcome.monthUsed, requested: 1 });
  }
}
