import type { FilterClause } from '@trackline/contracts';
import { holds } from './comparison.ts';
import { contactValue, type ContactView } from './fields.ts';

/** Whether all clauses hold over the fields and properties of the contact; `contact.` before a name changes nothing. */
export const passesForContact = (
  filter: readonly FilterClause[] | undefined,
  contact: ContactView | undefined,
): boolean =>
  filter === undefined ||
  filter.every(({ field, operator, value }) => holds(valueOf(contact, field), operator, value));

const valueOf = (contact: ContactView | undefined, field: string): unknown =>
  contactValue(contact, field) ??
  (field.startsWith('contact.') ? contactValue(contact, field.slice('contact.'.length)) : undefined);
