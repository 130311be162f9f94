import {
  decodeReceived,
  isStorableText,
  MissingHeader,
  type EventFacts,
  type RawMessage,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import type { DeadLetter } from './verdict.ts';

/** `ce_type` of the record with which an idle partition shows how far time has come there. */
export const TICK_TYPE = 'com.trackline.tick';

export const isTick = ({ headers }: RawMessage): boolean => headers.ce_type?.toString('latin1') === TICK_TYPE;

export const deadLetter = (reason: DeadLetter['reason'], detail: string): DeadLetter => ({
  kind: 'dead_letter',
  reason,
  detail,
});

/** Far above what ingest lets through, far below what the broker takes: what is counted can be published. */
const MAX_VALUE_BYTES = 512 * 1024;
const MAX_HEADER_CHARACTERS = 4 * 1024;

/** A message of `events.received.v1`. Only ingest writes there; what does not look like its work is still kept from the judge. */
export function readReceived(message: RawMessage): EventFacts | DeadLetter {
  let facts: EventFacts;
  try {
    facts = decodeReceived(message);
  } catch (error) {
    if (error instanceof MissingHeader) return deadLetter('undecodable', error.message);
    throw error;
  }
  const problem = problemOf(facts);
  return problem === undefined ? facts : deadLetter('undecodable', problem);
}

function problemOf(facts: EventFacts): string | undefined {
  const { eventId, organizationId, contactId, occurredAtMs, properties } = facts;
  if (!isUuid(eventId)) return `The header "ce_id" is no UUID: ${eventId.slice(0, 80)}`;
  if (!isUuid(organizationId))
    return `The header "ce_organization" is no UUID: ${organizationId.slice(0, 80)}`;
  if (!isUuid(contactId)) return `The header "ce_contact" is no UUID: ${contactId.slice(0, 80)}`;
  if (Number.isNaN(occurredAtMs)) return 'The header "ce_time" is no moment.';
  if (properties.length > MAX_VALUE_BYTES) return `The body is larger than ${MAX_VALUE_BYTES / 1024} KB.`;
  return (
    textProblem('ce_name', facts.name) ??
    textProblem('ce_source', facts.source) ??
    textProblem('ce_uniqueid', facts.uniqueId) ??
    textProblem('ce_clientid', facts.clientId)
  );
}

function textProblem(header: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const isSound = value !== '' && value.length <= MAX_HEADER_CHARACTERS && isStorableText(value);
  return isSound ? undefined : `The header "${header}" is empty, too long, or not storable text.`;
}
