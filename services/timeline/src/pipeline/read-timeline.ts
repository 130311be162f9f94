import { isUuid } from '@trackline/kernel';
import type { ReadRequest } from '../domain/read-request.ts';
import type { StoredEvent } from '../domain/stored-event.ts';
import type { ContactReader, ContactRegister, EventReader } from '../ports.ts';
import { fillPage, type FilledPage } from './fill-page.ts';

export interface TimelineSources {
  readonly contacts: ContactReader;
  readonly register: ContactRegister;
  readonly events: EventReader;
}

/** A page of the events of a contact and of all that were merged into it; `undefined` for a contact that is not there, or not any more. */
export const readTimeline =
  ({ contacts, register, events }: TimelineSources) =>
  async (
    organizationId: string,
    contactId: string,
    request: ReadRequest,
  ): Promise<FilledPage<StoredEvent> | undefined> => {
    if (!isUuid(contactId)) return undefined;
    const family = await contacts.family(organizationId, contactId);
    if (family.erased) return undefined;
    const [exists, page] = await Promise.all([
      register.has(organizationId, family.id),
      fillPage(request, async (stretch) => ({
        rows: await events.ofContacts(organizationId, family.members, stretch),
      })),
    ]);
    return exists ? page : undefined;
  };
