import type { ContactRequest, Directory, Reading } from '@trackline/directory';
import type { Caller, ContactLookup, Contacts } from '../../ports.ts';

/** The contacts of events, as the directory finds or makes them. */
export function directoryContacts(directory: Pick<Directory, 'resolve'>): Contacts {
  return {
    async resolve(caller, lookups) {
      const requests = lookups.map((lookup) => toRequest(caller, lookup));
      const asOf = caller.asOf as Reading | undefined;
      const resolutions = await directory.resolve(requests, asOf ? { asOf } : {});
      return resolutions.map((resolution) => ('contactId' in resolution ? resolution : undefined));
    },
  };
}

function toRequest({ organizationId }: Caller, { reference, create }: ContactLookup): ContactRequest {
  const { by, value } = reference;
  return { organizationId, [by]: value, ...(create === undefined ? undefined : { create }) };
}
