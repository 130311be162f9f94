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
    const seen = await linksByEvidence(people, asker, unknown);
    const provisionals = [...plan.provisionals, ...seen.provisionals];
    if (provisionals.length > 0) await links.linkProvisionals(organizationId, onePerKey(provisionals));
    const persons = [...plan.persons, ...seen.persons];
    const moved = persons.length > 0 && (await links.linkPersons(organizationId, onePerKey(persons)));
    if (moved) onIdentified();
    if (moved || provisionals.length + seen.persons.length > 0) continue;
    return currentOf(people, asker, plan.contactIds);
  }
  throw new Error(`The contacts of ${events.length} events were still contended after ${MAX_ROUNDS} rounds`);
}

/**
 * Links of keys of which nothing is known. The directory keeps evidence longer than links are kept, so what is made by it may have turned
 * out to be a person long ago, who must never be noted as provisional: the next message of that click would move all that leads to them.
 */
async function linksByEvidence(
  people: Pick<People, 'ofEvidence'>,
  asker: Asker,
  unknown: readonly (readonly LinkKey[])[],
): Promise<{ readonly persons: Link[]; readonly provisionals: Link[] }> {
  const persons: Link[] = [];
  const provisionals: Link[] = [];
  const contacts = unknown.length === 0 ? [] : await people.ofEvidence(asker, unknown.map(evidenceOf));
  unknown.forEach((keys, at) => {
    const contact = contacts[at];
    if (!contact) return;
    const { contactId, provisional } = contact;
    (provisional ? provisionals : persons).push(...keys.map((key) => ({ key, contactId })));
  });
  return { persons, provisionals };
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
