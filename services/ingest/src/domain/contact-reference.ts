import { isStorableText } from '@trackline/contracts';

/** Who an event is about: the first of these that is given decides. */
export type ContactReference =
  | { readonly by: 'contactId'; readonly value: string }
  | { readonly by: 'externalId'; readonly value: string }
  | { readonly by: 'email'; readonly value: string }
  /** E.164. */
  | { readonly by: 'phone'; readonly value: string };

export interface ContactFields {
  readonly contactId?: string;
  readonly contactExternalId?: string;
  readonly contactEmail?: string;
}

const isGiven = (value: string | undefined): value is string => value !== undefined && value !== '';

/**
 * By contactId, else contactExternalId, else contactEmail; an empty one counts as not given. `undefined`: none is given,
 * or the one that decides is text that nothing stored can be equal to, so that no look-up could find it.
 */
export function contactReference(fields: ContactFields): ContactReference | undefined {
  const reference = givenReference(fields);
  return reference && isStorableText(reference.value) ? reference : undefined;
}

function givenReference(fields: ContactFields): ContactReference | undefined {
  if (isGiven(fields.contactId)) return { by: 'contactId', value: fields.contactId };
  if (isGiven(fields.contactExternalId)) return { by: 'externalId', value: fields.contactExternalId };
  if (isGiven(fields.contactEmail)) return { by: 'email', value: fields.contactEmail };
  return undefined;
}
