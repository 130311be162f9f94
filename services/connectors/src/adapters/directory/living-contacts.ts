import type { Directory } from '@trackline/directory';
import type { CredentialSource } from '../../ports.ts';

/** The same, and of actions whose contact was erased that it was: nothing goes to anybody for them any more. */
export const ofLivingContacts = (
  credentials: CredentialSource,
  directory: Pick<Directory, 'erased'>,
): CredentialSource => ({
  async of(wanted) {
    const [found, erased] = await Promise.all([credentials.of(wanted), directory.erased(wanted)]);
    return wanted.map(({ contactId }, at) => (erased.has(contactId) ? { erased: true } : found[at]));
  },
});
