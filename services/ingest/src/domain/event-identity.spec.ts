import { describe, expect, it } from '@jest/globals';
import { isUuid } from '@trackline/kernel';
import fc from 'fast-check';
import { eventIdentity, httpSource } from './event-identity.ts';

const newId = () => 'made-here';

describe('the id of an event', () => {
  it('is made here when the client named none', () => {
    expect(eventIdentity('o', undefined, newId)).toEqual({ eventId: 'made-here' });
    expect(eventIdentity('o', undefined, newId, 3)).toEqual({ eventId: 'made-here' });
  });

  it('is the same for every retry of a key, and another for every other organisation', () => {
    const first = eventIdentity('o', 'k', newId);
    expect(eventIdentity('o', 'k', newId)).toEqual(first);
    expect(first.clientId).toBe('k');
    expect(isUuid(first.eventId)).toBe(true);
    expect(eventIdentity('p', 'k', newId).eventId).not.toBe(first.eventId);
  });

  it('names a single event as its client did, for whoever looks it up', () => {
    expect(eventIdentity('o', 'orders/4711 100%', newId).clientId).toBe('orders/4711 100%');
  });

  it('tells the items of a batch apart', () => {
    expect(eventIdentity('o', 'k', newId, 7).clientId).toBe('k→7');
  });

  it('never meets that of another key or place, whatever the keys look like (a header holds characters up to U+00FF)', () => {
    const latin1 = fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code));
    const key = fc.oneof(
      fc.stringMatching(/^[a/%0-9]{1,6}$/),
      fc.array(latin1, { minLength: 1 }).map((characters) => characters.join('')),
    );
    const place = fc.option(fc.nat(999), { nil: undefined });
    fc.assert(
      fc.property(key, place, key, place, (oneKey, onePlace, otherKey, otherPlace) => {
        const one = eventIdentity('o', oneKey, newId, onePlace).eventId;
        const other = eventIdentity('o', otherKey, newId, otherPlace).eventId;
        return (one === other) === (oneKey === otherKey && onePlace === otherPlace);
      }),
      { numRuns: 2_000 },
    );
    expect(eventIdentity('o', 'a/1', newId).eventId).not.toBe(eventIdentity('o', 'a', newId, 1).eventId);
  });

  it('belongs to the source of all events that come by this door', () => {
    expect(httpSource('o')).toBe('/organizations/o/http');
  });
});
