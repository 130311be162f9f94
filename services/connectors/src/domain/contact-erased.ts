import type { Detail } from './outcome.ts';

export const ERASED = 'contact_erased';

/** Why nothing goes out: whom it was for has been erased. What was to be sent is in no dead letter. */
export const CONTACT_ERASED: Detail = { reason: ERASED, message: 'The contact was erased.' };
