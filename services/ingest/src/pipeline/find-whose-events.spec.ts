import { describe, expect, it } from '@jest/globals';
import type { AutomaticEvent } from '../domain/whatsapp/automatic-event.ts';
import { evidenceOf, keysOfEvent, type Link, type LinkedContact } from '../domain/whatsapp/link.ts';
import { findWhoseEvents, type WhoseParts } from './find-whose-events.ts';

const event = (messageId: string, clickId?: string): AutomaticEvent => ({
  name: 'n',
  identity: messageId,
  messageId,
  properties: '{}',
  ...(clickId === undefined ? undefined : { clickId }),
});
const keyOf = (one: AutomaticEvent, at: number): string => keysOfEvent(one).at(at)!;

/** Links in memory. `before` runs between the look and the leap: another request. */
function parts(
  known: Record<string, LinkedContact> = {},
  before: (links: Map<string, LinkedContact>) => void = () => undefined,
) {
  const links = new Map(Object.entries(known));
  const erased = new Set<string>();
  const turnedOut = new Map<string, string>();
  const identified: Link[] = [];
  let looks = 0;
  const fake: WhoseParts = {
    people: {
      ofEvidence: async (_asker, evidence) =>
        evidence.map((seen) => {
          const contactId = turnedOut.get(seen);
          return contactId === undefined ? somebody(`provisional of ${seen}`) : person(contactId);
        }),
      current: async (_asker, ids) => ids.map((id) => (erased.has(id) ? undefined : id)),
    },
    links: {
      find: async (_organizationId, keys) => {
        looks += 1;
        return new Map(keys.flatMap((key) => (links.has(key) ? [[key, links.get(key)!] as const] : [])));
      },
      linkProvisionals: async (_organizationId, wanted) => {
        before(links);
        for (const { key, contactId } of wanted)
          if (!links.has(key)) links.set(key, { contactId, provisional: true });
      },
      linkPersons: async (_organizationId, wanted) => {
        identified.push(...wanted);
        for (const { key, contactId } of wanted) links.set(key, { contactId, provisional: false });
        return true;
      },
    },
    onIdentified: () => undefined,
  };
  const find = (...events: AutomaticEvent[]) => findWhoseEvents(fake, { organizationId: 'o' }, events);
  return { find, links, erased, turnedOut, identified, looks: () => looks };
}
const person = (contactId: string): LinkedContact => ({ contactId, provisional: false });
const somebody = (contactId: string): LinkedContact => ({ contactId, provisional: true });

describe('the contact of an event', () => {
  it('is whom its message names, before whom its click names', async () => {
    const one = event('m', 'c');
    const { find, identified, looks } = parts({
      [keyOf(one, 0)]: person('ada'),
      [keyOf(one, 1)]: person('bob'),
    });
    expect(await find(one)).toEqual(['ada']);
    expect([identified, looks()]).toEqual([[], 1]);
  });

  it('is a person, before a provisional contact, who is identified by it', async () => {
    const one = event('m', 'c');
    const { find, identified } = parts({ [keyOf(one, 0)]: somebody('p'), [keyOf(one, 1)]: person('ada') });
    expect(await find(one)).toEqual(['ada']);
    expect(identified).toEqual([{ key: keyOf(one, 0), contactId: 'ada' }]);
  });

  it('is one provisional contact for all events of a click, and all of one message', async () => {
    const [one, two, three] = [event('m1', 'c'), event('m2', 'c'), event('m1')];
    const { find } = parts();
    const contactIds = await find(one, two, three);
    expect(new Set(contactIds).size).toBe(1);
    expect(await find(event('m2'))).toEqual([contactIds[0]]);
  });

  it('is whom another request has linked meanwhile', async () => {
    const one = event('m', 'c');
    const { find, identified } = parts({}, (links) => links.set(keyOf(one, 1), person('ada')));
    expect(await find(one)).toEqual(['ada']);
    expect(identified).toEqual([{ key: keyOf(one, 0), contactId: 'ada' }]);
  });

  it('is whom its evidence turned out to be when the link has been forgotten, and they stay a person', async () => {
    const [one, other] = [event('m', 'c'), event('n')];
    const { find, turnedOut, links } = parts();
    turnedOut.set(evidenceOf(keysOfEvent(one)), 'ada');
    expect(await find(one, other)).toEqual(['ada', expect.stringContaining('provisional')]);
    expect([...links.values()].filter(({ contactId }) => contactId === 'ada')).toEqual([
      person('ada'),
      person('ada'),
    ]);
  });

  it('is nobody when it was erased', async () => {
    const one = event('m');
    const { find, erased } = parts({ [keyOf(one, 0)]: person('ada') });
    erased.add('ada');
    expect(await find(one, event('other'))).toEqual([undefined, expect.stringContaining('provisional')]);
  });
});
