import type { RawMessage, SourceTopic } from '@trackline/contracts';
import { INBOUND, RECEIVED } from '@trackline/contracts';
import { readInbound, type InboundEvent } from '../domain/inbound-event.ts';
import { toJudgedEvent, type FactsBeforeContact } from '../domain/judged-event.ts';
import { deadLetter, isTick, readReceived } from '../domain/received-event.ts';
import type { DeadLetter, Reading, Tick } from '../domain/verdict.ts';
import type { Contacts, Organization, Organizations } from '../ports.ts';

export interface ReadBatch {
  readonly readings: readonly Reading[];
  /** Those of all events among the readings. */
  readonly organizations: ReadonlyMap<string, Organization>;
}

/** A topic by which events come in, and how its messages become events. */
export interface Door {
  readonly topic: string;
  readonly sourceTopic: SourceTopic;
  /** For the first judgement: finds organisation and contact. One reading per message, in order. */
  read(source: string, messages: readonly RawMessage[]): Promise<ReadBatch>;
  /** For repeating a judgement: what the message alone says; nothing is looked up, so nothing can have changed. */
  facts(message: RawMessage): FactsBeforeContact | DeadLetter;
}

const unknownOrganization = (id: string): DeadLetter =>
  deadLetter('unknown_organization', `There is no organization "${id.slice(0, 80)}".`);

/** Events that came over HTTP: ingest has validated them and found their contact. */
export function receivedDoor(organizations: Organizations): Door {
  return {
    topic: RECEIVED,
    sourceTopic: 'received',
    facts: readReceived,
    async read(source, messages) {
      const read = messages.map((message) => readOrTick(message, readReceived));
      const found = await organizations.find(distinct(read.map((item) => organizationOf(item))));
      const readings = read.map((item, at): Reading => {
        const message = messages[at]!;
        const { offset } = message;
        if ('kind' in item) return { offset, outcome: item };
        if (!found.has(item.organizationId))
          return { offset, outcome: unknownOrganization(item.organizationId) };
        return { offset, event: toJudgedEvent(item, item.contactId, source, message) };
      });
      return { readings, organizations: found };
    },
  };
}

/** The headers of a message are read anew each time that they are asked for: here once, for both questions. */
function readOrTick<Event>(
  { key, value, headers, timestampMs, offset }: RawMessage,
  read: (message: RawMessage) => Event,
): Event | Tick {
  const message = { key, value, headers, timestampMs, offset };
  return isTick(message) ? { kind: 'tick' } : read(message);
}

const organizationOf = (item: object): string | undefined =>
  'organizationId' in item ? (item.organizationId as string) : undefined;

const distinct = (ids: readonly (string | undefined)[]): string[] => [
  ...new Set(ids.filter((id) => id !== undefined)),
];

export interface InboundDoorSettings {
  readonly organizations: Organizations;
  readonly contacts: Contacts;
  /** Whether each message must carry a key of its organisation, or producers are trusted to name it. */
  readonly auth: 'none' | 'key';
}

/** Events of direct producers: everything about them is checked here. */
export function inboundDoor({ organizations, contacts, auth }: InboundDoorSettings): Door {
  const refusalOf = auth === 'key' ? bearerCheck(organizations) : async () => () => undefined;
  return {
    topic: INBOUND,
    sourceTopic: 'inbound',
    facts: readInbound,
    async read(source, messages) {
      const read = messages.map((message) => readOrTick(message, readInbound));
      const events = read.filter(isInboundEvent);
      const [found, refusal] = await Promise.all([
        organizations.find(distinct(events.map(organizationOf))),
        refusalOf(events),
      ]);
      const outcomes = read.map((item) => {
        if ('kind' in item) return item;
        if (!found.has(item.organizationId)) return unknownOrganization(item.organizationId);
        return refusal(item) ?? item;
      });
      const resolved = await resolveContacts(contacts, outcomes.filter(isInboundEvent));
      const readings = outcomes.map((item, at): Reading => {
        const message = messages[at]!;
        const { offset } = message;
        if ('kind' in item) return { offset, outcome: item };
        const contact = resolved.get(item)!;
        if (typeof contact !== 'string') return { offset, outcome: contact };
        return { offset, event: toJudgedEvent(item, contact, source, message) };
      });
      return { readings, organizations: found };
    },
  };
}

const isInboundEvent = (item: InboundEvent | DeadLetter | Tick): item is InboundEvent => !('kind' in item);

async function resolveContacts(
  contacts: Contacts,
  events: readonly InboundEvent[],
): Promise<Map<InboundEvent, string | DeadLetter>> {
  if (events.length === 0) return new Map();
  const resolutions = await contacts.resolve(
    events.map(({ contact, organizationId }) => ({ ...contact, organizationId })),
  );
  return new Map(
    events.map((event, at) => {
      const resolution = resolutions[at]!;
      return [
        event,
        'contactId' in resolution
          ? resolution.contactId
          : deadLetter('contact_not_found', resolution.notFound),
      ];
    }),
  );
}

type RefusalOf = (event: InboundEvent) => DeadLetter | undefined;

/** With `INBOUND_AUTH=key`: each key is asked for once a batch. */
function bearerCheck(organizations: Organizations): (events: readonly InboundEvent[]) => Promise<RefusalOf> {
  return async (events) => {
    const bearers = distinct(events.map(({ bearer }) => bearer));
    const writers = new Map(
      await Promise.all(
        bearers.map(async (bearer) => [bearer, await organizations.writerOf(bearer)] as const),
      ),
    );
    return ({ bearer, organizationId }) => {
      if (bearer === undefined) {
        return deadLetter('unauthorized', 'The header "authorization: Bearer <key>" is missing.');
      }
      const writer = writers.get(bearer)!;
      if ('refused' in writer) return deadLetter('unauthorized', writer.refused);
      return writer.organizationId === organizationId
        ? undefined
        : deadLetter('unauthorized', 'The key belongs to another organization than "ce_source" names.');
    };
  };
}
