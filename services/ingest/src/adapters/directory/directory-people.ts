import type { ContactRequest, ContactResolution, Directory, Reading } from '@trackline/directory';
import type { LinkedContact } from '../../domain/whatsapp/link.ts';
import type { SeenMessage, WhatsappUser } from '../../domain/whatsapp/seen-message.ts';
import type { Asker, People } from '../../ports.ts';

type Used = Pick<Directory, 'resolve' | 'contacts' | 'attachWhatsappUsers' | 'identifyProvisional'>;

/** People as WhatsApp knows them, in the directory. */
export function directoryPeople(directory: Used): People {
  const resolve = async (asker: Asker, requests: readonly ContactRequest[]) => {
    const asOf = asker.asOf as Reading | undefined;
    return requests.length === 0 ? [] : directory.resolve(requests, asOf ? { asOf } : {});
  };
  const whoAre = async (
    asker: Asker,
    requests: readonly ContactRequest[],
  ): Promise<(LinkedContact | undefined)[]> => {
    const contactIds = (await resolve(asker, requests)).map(contactIdOf);
    const contacts = await directory.contacts(
      contactIds.flatMap((contactId) =>
        contactId === undefined ? [] : [{ organizationId: asker.organizationId, contactId }],
      ),
    );
    return contactIds.map((asked) => {
      const contact = asked === undefined ? undefined : contacts.get(asked);
      return contact && { contactId: contact.id, provisional: contact.provisional === true };
    });
  };
  return {
    async ofMessages(asker, messages) {
      const users = new Map<string, SeenMessage>();
      for (const message of messages) {
        const key = keyOf(message.user);
        if (!users.has(key)) users.set(key, message);
      }
      const asked = [...users.values()];
      const found = (
        await resolve(
          asker,
          asked.map((message) => requestOf(asker, message)),
        )
      ).map(contactIdOf);
      await attachUserIds(directory, asker, asked, found, resolve);
      const byUser = new Map([...users.keys()].map((key, at) => [key, found[at]]));
      return messages.map(({ user }) => byUser.get(keyOf(user)));
    },

    async ofEvidence(asker, evidence) {
      const { organizationId } = asker;
      return whoAre(
        asker,
        evidence.map((seen) => ({ organizationId, evidence: seen, create: { cause: seen } })),
      );
    },

    async current(asker, contactIds) {
      const { organizationId } = asker;
      const requests = contactIds.map((contactId) => ({ organizationId, contactId }));
      return (await resolve(asker, requests)).map(contactIdOf);
    },

    async madeByHand(asker, contactIds) {
      const { organizationId } = asker;
      const found = await whoAre(
        asker,
        contactIds.map((contactId) => ({ organizationId, contactId })),
      );
      return new Map(
        contactIds.flatMap((contactId, at): [string, string][] => {
          const contact = found[at];
          return contact === undefined || contact.provisional ? [] : [[contactId, contact.contactId]];
        }),
      );
    },

    async identify({ organizationId, provisionalId, personId }) {
      await directory.identifyProvisional(organizationId, provisionalId, personId);
      // Not always that person: whoever gave it an identifier by hand, or merged it, has decided before.
      const [now] = await directory.resolve([{ organizationId, contactId: provisionalId }]);
      return now && contactIdOf(now);
    },
  };
}

const contactIdOf = (resolution: ContactResolution): string | undefined =>
  'contactId' in resolution ? resolution.contactId : undefined;

const keyOf = ({ waId, userId }: WhatsappUser): string => JSON.stringify([waId ?? null, userId ?? null]);

/** By number where there is one. Made by the message about this user: told again it brings nobody back who was erased meanwhile. */
const requestOf = ({ organizationId }: Asker, { user, messageId }: SeenMessage): ContactRequest => ({
  organizationId,
  ...(user.waId === undefined ? undefined : { waId: user.waId }),
  ...(user.userId === undefined ? undefined : { whatsappUserId: user.userId }),
  create: {
    cause: `whatsapp:${messageId}:${keyOf(user)}`,
    ...(user.name === undefined ? undefined : { firstName: user.name }),
  },
});

/** Whoever is known by number is to be found by the id as well. Mostly that is so already, and known without asking the database. */
async function attachUserIds(
  directory: Used,
  asker: Asker,
  asked: readonly SeenMessage[],
  found: readonly (string | undefined)[],
  resolve: (asker: Asker, requests: readonly ContactRequest[]) => Promise<ContactResolution[]>,
): Promise<void> {
  const { organizationId } = asker;
  const both = asked.flatMap(({ user: { waId, userId } }, at) => {
    const contactId = found[at];
    return waId === undefined || userId === undefined || contactId === undefined
      ? []
      : [{ organizationId, contactId, whatsappUserId: userId }];
  });
  const known = await resolve(
    asker,
    both.map(({ whatsappUserId }) => ({ organizationId, whatsappUserId })),
  );
  // All at once: Meta waits for the answer, and one webhook may tell of a thousand people.
  await directory.attachWhatsappUsers(both.filter((user, at) => contactIdOf(known[at]!) !== user.contactId));
}
