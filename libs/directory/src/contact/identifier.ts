import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { isStorableText } from '@trackline/contracts';

/** As stored; the order of the numbers is also the order in which they are locked. */
export const IDENTIFIER_KINDS = {
  email: 1,
  phone: 2,
  externalId: 3,
  whatsappUserId: 4,
  evidence: 5,
} as const;
export type IdentifierKind = keyof typeof IDENTIFIER_KINDS;

/** Those that are fields of a contact. The others only find it. */
export const IDENTIFIER_FIELDS = ['email', 'phone', 'externalId'] as const;
export type IdentifierField = (typeof IDENTIFIER_FIELDS)[number];

/** What makes a contact findable: unique in its organisation. `value` is in its normal form. */
export interface Identifier {
  readonly organizationId: string;
  readonly field: IdentifierKind;
  readonly value: string;
}

export const MAX_EMAIL_CHARACTERS = 320;
export const MAX_EXTERNAL_ID_CHARACTERS = 255;
const MAX_PHONE_INPUT_CHARACTERS = 64;

/** An organisation id is 36 characters and a kind one, so that keys of different identifiers never meet. */
export const identifierKey = ({ organizationId, field, value }: Identifier): string =>
  `${organizationId}${IDENTIFIER_KINDS[field]}${value}`;

/** The one form under which an email is stored and found, or `undefined` when it cannot be one of ours. */
export function normalizeEmail(input: string): string | undefined {
  const email = input.trim().toLowerCase();
  const fits = email.length > 0 && email.length <= MAX_EMAIL_CHARACTERS;
  return fits && isStorableText(email) && /^[^\s@]+@[^\s@]+$/u.test(email) ? email : undefined;
}

export const normalizeExternalId = (input: string): string | undefined => normalizeOpaque(input);

/**
 * E.164 of a phone number written in any way that names its country: with or without `+` or `00`, with spaces, dashes, brackets.
 * `undefined` when no reading makes it a number.
 */
export function normalizePhone(input: string | number): string | undefined {
  const text = String(input).trim();
  if (text.length === 0 || text.length > MAX_PHONE_INPUT_CHARACTERS) return undefined;
  const international = text.startsWith('+') ? text : `+${text.replace(/^00/, '')}`;
  const number = parsePhoneNumberFromString(international, { extract: false });
  if (!number || number.ext) return undefined;
  const newer = newerFormOf(number.number);
  return newer ?? (number.isPossible() ? number.number : undefined);
}

/**
 * Mexico dropped the mobile `1` after +52, and Brazil added a mobile `9`; WhatsApp still names some numbers in the older form.
 * Both forms ring the same phone, so both are stored as the newer one.
 */
function newerFormOf(e164: string): string | undefined {
  const mexican = /^\+521(\d{10})$/.exec(e164);
  if (mexican) return `+52${mexican[1]}`;
  const brazilian = /^\+55(\d{2})([6-9]\d{7})$/.exec(e164);
  return brazilian ? `+55${brazilian[1]}9${brazilian[2]}` : undefined;
}

/**
 * The number behind a `wa_id`, which Meta vouches for: in E.164 as any other, and where our tables know no such number, as it came.
 * `undefined`: it is no number at all.
 */
export function normalizeWaId(waId: string): string | undefined {
  const digits = waId.trim().replace(/^\+/, '');
  return /^\d{5,20}$/.test(digits) ? (normalizePhone(digits) ?? `+${digits}`) : undefined;
}

/** Text that finds a contact and is nothing else. */
export function normalizeOpaque(input: string): string | undefined {
  const fits = input.length > 0 && input.length <= MAX_EXTERNAL_ID_CHARACTERS;
  return fits && isStorableText(input) ? input : undefined;
}

export const NORMALIZE: Readonly<Record<IdentifierField, (input: string) => string | undefined>> = {
  email: normalizeEmail,
  phone: normalizePhone,
  externalId: normalizeExternalId,
};

/** What would be right, for the caller whose value is not. */
export const IDENTIFIER_RULES: Readonly<Record<IdentifierField, string>> = {
  email: `An email is an address with an @, at most ${MAX_EMAIL_CHARACTERS} characters.`,
  phone: 'A phone number is needed with its country code, as in +49 151 23456789.',
  externalId: `An external id is text of 1 to ${MAX_EXTERNAL_ID_CHARACTERS} characters.`,
};
