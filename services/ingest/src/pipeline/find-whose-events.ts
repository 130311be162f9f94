import { evidenceOf, keysOfEvent, planEvents, type Link, type LinkKey } from '../domain/whatsapp/link.ts';
import type { AutomaticEvent } from '../domain/whatsapp/automatic-event.ts';
import type { Asker, Links, People } from '../ports.ts';

export interface WhoseParts {
  readonly people: Pick<People, 'ofEvidence' | 'current'>;
  readonly links: Pick<Links, 'find' | 'linkPersons' | 'linkProvisionals'>;
  /** Provisional contacts turned out to be somebody. */
  readonly onIdentified: () => void;
}

/** Another request may link a key between our look and our leap; each time it does, one key more is known. */
const MAX_ROUNDS = 8;

/**
 * The contact of each event, at its place: look the keys up → make provisional contacts where nothing is known → link them → look again.
 * What is linked decides, not what was made: so two requests that race, or two events of one request, end at one contact. `undefined`:
 * whose it was has been erased.
 */
export async function findWhoseEvents(
  { people, links, onIdentified }: WhoseParts,
  asker: Asker,
  events: readonly AutomaticEvent[],
): Promise<(string | undefined)[]> {
  if (events.length === 0) return [];
  const { organizationId } = asker;
  const keysOfEvents = events.map(keysOfEvent);
  const keys = [...new Set(keysOfEvents.flat())];
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const plan = planEvents(keysOfEvents, await links.find(organizationId, keys));
    const unknown = keysOfEvents.filter((_, at) => plan.contactIds[at] === undefined);
    const wanted = [...plan.provisionals, ...(await linksToProvisionals(people, asker, unknown))];
    if (wanted.length > 0) {
      await links.linkProvisionals(organizationId, onePerKey(wanted));
      continue;
    }
    if (plan.persons.length > 0 && (await links.linkPersons(organizationId, onePerKey(plan.persons))))
      onIdentified();
    return currentOf(people, asker, plan.contactIds);
  }
  throw new Error(`The contacts of ${events.length} events were still contended after ${MAX_ROUNDS} rounds`);
}

async function linksToProvisionals(
  people: Pick<People, 'ofEvidence'>,
  asker: Asker,
  unknown: readonly (readonly LinkKey[])[],
): Promise<Link[]> {
  if (unknown.length === 0) return [];
  const contactIds = await people.ofEvidence(asker, unknown.map(evidenceOf));
  return unknown.flatMap((keys, at): Link[] => {
    const contactId = contactIds[at];
    return contactId === undefined ? [] : keys.map((key) => ({ key, contactId }));
  });
}

async function currentOf(
  people: Pick<People, 'current'>,
  asker: Asker,
  contactIds: readonly (string | undefined)[],
): Promise<(string | undefined)[]> {
  const known = [...new Set(contactIds.flatMap((contactId) => contactId ?? []))];
  const current = await people.current(asker, known);
  const byId = new Map(known.map((contactId, at) => [contactId, current[at]]));
  return contactIds.map((contactId) => contactId && byId.get(contactId));
}

/** Of several claims to a key the first counts: events of one request may share it. */
function onePerKey(links: readonly Link[]): Link[] {
  const byKey = new Map<LinkKey, Link>();
  for (const link of links) if (!byKey.has(link.key)) byKey.set(link.key, link);
  return [...byKey.values()];
}
