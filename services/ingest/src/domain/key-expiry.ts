import { Problem } from '@trackline/contracts';

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)$/i;

/** When a key expires: ISO 8601 with a zone. `null`: never. A moment that has passed makes a key that is of no use, which may be meant. */
export function readExpiry(text: string | null | undefined): Date | null {
  if (text === undefined || text === null) return null;
  const moment = new Date(text);
  if (MOMENT.test(text) && !Number.isNaN(moment.getTime())) return moment;
  const message = 'expiresAt must be ISO 8601 with a zone, as in 2027-12-31T00:00:00Z.';
  throw new Problem('VALIDATION_FAILED', message, { details: [{ path: '/expiresAt', message }] });
}
