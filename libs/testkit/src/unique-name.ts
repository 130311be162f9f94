import { randomBytes } from 'node:crypto';

/**
 * A name that no other test, run or process uses: for topics, groups, organisations, contacts.
 * Lower case letters, digits and dashes only, so that it is a legal topic, group id and e-mail local part.
 */
export function uniqueName(prefix: string): string {
  return `${prefix}-${Date.now().toString(36)}-${randomBytes(4).toString('hex')}`;
}
