import { createHash } from 'node:crypto';
import { fromThousandths } from '../decimal.ts';
import { momentOf, objectOf, textOf, type JsonObject } from './json-reading.ts';

/** What Meta noticed of a customer: a lead, a purchase. Whose it is has to be found out. */
export interface AutomaticEvent {
  readonly name: string;
  /** How Meta names it: the same whenever it is told again, on the transport and for good. */
  readonly identity: string;
  /** The customer's message or ours in whose conversation it was noticed. */
  readonly messageId: string;
  /** The click on an ad; absent for ads in WhatsApp Status. */
  readonly clickId?: string;
  /** Absent: the moment of receipt. */
  readonly occurredAtMs?: number;
  /** JSON text of an object. */
  readonly properties: string;
}

/** A number of the organisation, and the business account that Meta speaks of. */
export interface WhatsappNumber {
  readonly phoneNumberId: string;
  readonly wabaId: string;
}

/** One item of the field `automatic_events`; `undefined`: it lacks what identifies it. */
export function readAutomaticEvent(
  item: JsonObject,
  { phoneNumberId, wabaId }: WhatsappNumber,
  receivedAtMs: number,
): AutomaticEvent | undefined {
  const messageId = textOf(item.id);
  const eventName = textOf(item.event_name);
  if (messageId === undefined || eventName === undefined) return undefined;
  const clickId = textOf(item.ctwa_clid);
  const occurredAtMs = momentOf(item.timestamp, receivedAtMs);
  return {
    name: canonicalName(eventName),
    identity: identityOf([phoneNumberId, messageId, eventName]),
    messageId,
    ...(clickId === undefined ? undefined : { clickId }),
    ...(occurredAtMs === undefined ? undefined : { occurredAtMs }),
    properties: JSON.stringify({
      event_name: eventName,
      message_id: messageId,
      ...(clickId === undefined ? undefined : { ctwa_clid: clickId }),
      phone_number_id: phoneNumberId,
      waba_id: wabaId,
      ...worthOf(item.custom_data),
    }),
  };
}

function worthOf(customData: unknown): { currency?: string; value?: string } {
  const data = objectOf(customData);
  const currency = textOf(data?.currency)?.toUpperCase();
  const written = data?.value;
  const value =
    typeof written === 'string' || typeof written === 'number'
      ? fromThousandths(written, currency)
      : undefined;
  return {
    ...(currency === undefined ? undefined : { currency }),
    ...(value === undefined ? undefined : { value }),
  };
}

const MAX_NAME_CHARACTERS = 200;

/** `LeadSubmitted` → `whatsapp.lead_submitted`; a name that nobody has heard of is kept in the same way. */
export function canonicalName(eventName: string): string {
  const snake = eventName
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu}+)(\p{Lu}\p{Ll})/gu, '$1_$2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, MAX_NAME_CHARACTERS);
  return `whatsapp.${snake === '' ? 'unnamed' : snake}`;
}

const MAX_IDENTITY_CHARACTERS = 255;

/** Parts joined so that no two lists of them meet; what would be too long for a unique id is its hash. */
function identityOf(parts: readonly string[]): string {
  const joined = parts.map((part) => part.replace(/[%:]/g, encodeURIComponent)).join(':');
  if (joined.length <= MAX_IDENTITY_CHARACTERS) return joined;
  return `sha256:${createHash('sha256').update(joined).digest('hex')}`;
}
