import { applyUpdates, type Directory } from '@trackline/directory';
import { isDataFault } from '@trackline/postgres';
import type { Contacts } from '../../ports.ts';

/** What this service asks of the directory and changes in it. */
export const directoryContacts = (directory: Directory): Contacts => ({
  load: (refs) => directory.contacts(refs),

  async find(organizationId, by) {
    const [found] = await directory.resolve([
      {
        organizationId,
        ...(by.contactId !== undefined && { contactId: by.contactId }),
        ...(by.contactId === undefined && by.contactEmail !== undefined && { email: by.contactEmail }),
      },
    ]);
    return found && 'contactId' in found ? found.contactId : undefined;
  },

  page: (organizationId, cursor, limit) =>
    directory.findContacts(organizationId, { limit, ...(cursor !== null && { cursor }) }),

  async update(changes) {
    try {
      const { refused } = await directory.updateContacts(changes);
      return refused.map(({ cause, field, reason }) => ({ cause, field, reason }));
    } catch (error) {
      if (!isDataFault(error)) throw error;
      const [only, ...others] = changes;
      if (others.length > 0)
        return (await Promise.all(changes.map((change) => this.update([change])))).flat();
      const reason = `the directory cannot store it: ${(error as Error).message}`;
      return only!.updates.map(({ field }) => ({ cause: only!.cause, field, reason }));
    }
  },

  async subscribe(changes) {
    await directory.changeSubscriptions(changes);
  },

  apply(contact, updates) {
    const { provisional, ...known } = contact;
    const { fields, refused } = applyUpdates(known, updates);
    const { id, createdAt, updatedAt } = known;
    const { email, phone, externalId } = fields;
    // As the directory does it: an identifier makes it somebody.
    const isNobody =
      provisional && [email, phone, externalId].every((identifier) => identifier === undefined);
    return {
      contact: {
        ...fields,
        id,
        ...(isNobody && { provisional }),
        ...(createdAt && { createdAt }),
        ...(updatedAt && { updatedAt }),
      },
      refused,
    };
  },
});
