import type { Directory } from '@trackline/directory';
import type { BeforeAttempts, CredentialSource } from '../../ports.ts';

/** Credentials for those who are there; for whoever was erased nothing goes to anybody any more. */
export const beforeAttempts = (
  credentials: CredentialSource,
  directory: Pick<Directory, 'erased'>,
): BeforeAttempts => ({
  async lookUp(actions) {
    const [found, erased] = await Promise.all([credentials.of(actions), directory.erased(actions)]);
    return actions.map(({ contactId }, at) => (erased.has(contactId) ? { erased: true } : found[at]));
  },
});
