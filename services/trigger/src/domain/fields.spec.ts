import { describe, expect, it } from '@jest/globals';
import { lookUp, valueAt, type FieldScope } from './fields.ts';

const scope: FieldScope = {
  contact: {
    id: 'c1',
    email: 'ada@example.com',
    firstName: 'Ada',
    properties: { plan: 'pro', address: { city: 'London' }, 'utm.source': 'ad', firstName: 'shadowed' },
    createdAt: new Date('2026-01-02T03:04:05Z'),
  },
  trigger: { eventId: 'e1', name: 'order', properties: { total: 1, plan: 'of the trigger', only: 'here' } },
  resumes: { wait: { eventId: 'e2', name: 'paid', properties: { total: 2, method: 'card' } } },
  latest: { eventId: 'e2', name: 'paid', properties: { total: 2, method: 'card' } },
};

describe('a field', () => {
  it.each([
    ['email', 'ada@example.com'],
    ['firstName', 'Ada'],
    ['plan', 'pro'],
    ['address.city', 'London'],
    ['utm.source', 'ad'],
    ['total', 2],
    ['method', 'card'],
    ['only', 'here'],
    ['createdAt', '2026-01-02T03:04:05.000Z'],
    ['contact.email', 'ada@example.com'],
    ['contact.plan', 'pro'],
    ['contact.properties.plan', 'pro'],
    ['event.plan', 'of the trigger'],
    ['event.total', 1],
    ['waits.wait.event.total', 2],
    ['waits.other.event.total', undefined],
    ['waits.wait.total', undefined],
    ['nothing', undefined],
  ])('%s is looked up in its order', (field, expected) => expect(lookUp(scope, field)).toEqual(expected));

  it('of a contact that is gone is not there, and events still are', () => {
    expect(lookUp({ ...scope, contact: undefined }, 'plan')).toBe('of the trigger');
    expect(lookUp({ ...scope, contact: undefined }, 'email')).toBeUndefined();
  });

  it('never reaches what the object inherits', () => {
    for (const path of ['__proto__', 'constructor.name', 'toString', 'address.__proto__.x'])
      expect(valueAt(scope.contact!.properties, path)).toBeUndefined();
    expect(lookUp(scope, 'waits.__proto__.event.x')).toBeUndefined();
  });
});
