import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ContactFields } from './contact-input.ts';
import { applyUpdates, type ContactUpdate, type UpdateOperation } from './updates.ts';

const ADA: ContactFields = {
  email: 'ada@example.com',
  firstName: 'Ada',
  properties: {
    plan: 'pro',
    visits: 3,
    score: '4.5',
    tags: ['a', 'b', 'a'],
    address: { city: 'Turin' },
    nothing: null,
  },
};

/** Given ADA, when one update is applied: the fields, or why it was refused. */
function when(operation: UpdateOperation, field: string, value?: unknown): ContactFields | string {
  const { fields, refused } = applyUpdates(ADA, [
    { field, operation, ...(value === undefined ? {} : { value }) },
  ]);
  if (refused.length > 0) {
    expect(fields).toBe(ADA);
    return refused[0]!.reason;
  }
  return fields;
}
const properties = (outcome: ContactFields | string) => (outcome as ContactFields).properties;

describe('contact fields', () => {
  it('are set in their normal form', () => {
    expect(when('set', 'email', ' Ada@Lovelace.ORG ')).toMatchObject({ email: 'ada@lovelace.org' });
    expect(when('set', 'phone', '0049 (151) 234-56789')).toMatchObject({ phone: '+4915123456789' });
    expect(when('set', 'externalId', 4711)).toMatchObject({ externalId: '4711' });
    expect(when('set', 'lastName', 'Lovelace')).toMatchObject({ firstName: 'Ada', lastName: 'Lovelace' });
  });

  it('are taken away by unset, and by setting null or an empty name', () => {
    expect(when('unset', 'firstName')).not.toHaveProperty('firstName');
    expect(when('set', 'firstName', null)).not.toHaveProperty('firstName');
    expect(when('set', 'firstName', ' ')).not.toHaveProperty('firstName');
  });

  it('refuse what cannot be theirs', () => {
    expect(when('set', 'email', 'nonsense')).toContain('An email is an address');
    expect(when('set', 'phone', 'call me')).toContain('country code');
    expect(when('set', 'email')).toContain('a value is needed');
    expect(when('set', 'email', { a: 1 })).toContain('An email');
    expect(when('append', 'email', 'x@y.z')).toContain('only be set or unset');
    expect(when('set', 'firstName', 'NUL\0')).toContain('A name is text');
  });

  it.each(['id', 'organizationId', 'createdAt', 'updatedAt', 'properties'])(
    '%s is not to be changed',
    (field) => {
      expect(when('set', field, 'x')).toContain('cannot be changed');
    },
  );
});

describe('properties', () => {
  it('are named with or without "properties.", with a path', () => {
    expect(properties(when('set', 'plan', 'team'))).toMatchObject({ plan: 'team' });
    expect(properties(when('set', 'properties.plan', 'team'))).toMatchObject({ plan: 'team' });
    expect(properties(when('set', 'address.zip', 10121))).toMatchObject({
      address: { city: 'Turin', zip: 10121 },
    });
    expect(properties(when('set', 'a.b.c', true))).toMatchObject({ a: { b: { c: true } } });
    expect(properties(when('set', 'nothing.now', 1))).toMatchObject({ nothing: { now: 1 } });
  });

  it('take null as a value, and go with unset', () => {
    expect(properties(when('set', 'plan', null))).toMatchObject({ plan: null });
    expect(properties(when('unset', 'address.city'))).toMatchObject({ address: {} });
    expect(properties(when('unset', 'plan'))).not.toHaveProperty('plan');
    expect(properties(when('unset', 'not.there.at.all'))).toEqual(ADA.properties);
    expect(properties(when('unset', 'nothing.at.all'))).toEqual(ADA.properties);
  });

  it('count up and down, from 0 when absent, by 1 when nothing is said, also from text that is a number', () => {
    expect(properties(when('increment', 'visits'))).toMatchObject({ visits: 4 });
    expect(properties(when('decrement', 'visits', 10))).toMatchObject({ visits: -7 });
    expect(properties(when('increment', 'new', 2))).toMatchObject({ new: 2 });
    expect(properties(when('increment', 'score', '0.5'))).toMatchObject({ score: 5 });
    expect(when('increment', 'plan')).toContain('present value is not a number');
    expect(when('increment', 'visits', 'many')).toContain('the value is not a number');
    expect(when('increment', 'visits', Number.POSITIVE_INFINITY)).toContain('the value is not a number');
  });

  it('append to a list, make one when absent, and remove every equal item', () => {
    expect(properties(when('append', 'tags', { x: 1 }))).toMatchObject({ tags: ['a', 'b', 'a', { x: 1 }] });
    expect(properties(when('append', 'new', 'a'))).toMatchObject({ new: ['a'] });
    expect(properties(when('remove', 'tags', 'a'))).toMatchObject({ tags: ['b'] });
    expect(properties(when('remove', 'absent', 'a'))).toEqual(ADA.properties);
    expect(when('append', 'plan', 'x')).toContain('not a list');
    expect(when('remove', 'plan', 'x')).toContain('not a list');
  });

  it('refuse a path through what is not an object, an empty part, an unknown operation', () => {
    expect(when('set', 'plan.name', 'x')).toContain('"plan" is not an object');
    expect(when('set', 'tags.0', 'x')).toContain('"tags" is not an object');
    expect(when('set', 'a..b', 'x')).toContain('empty part');
    expect(when('set', '', 'x')).toContain('empty part');
    expect(when('multiply' as never, 'visits', 2)).toContain('the operation is one of');
  });

  it('stay what can be stored: 64 KB, 10 levels, whole texts', () => {
    expect(when('set', 'big', 'x'.repeat(70_000))).toContain('larger than 64 KB');
    expect(when('set', 'a.b.c.d.e.f.g.h.i.j.k', 1)).toContain('deeper than 10');
    expect(when('set', 'half', '\ud800')).toContain('well-formed');
    expect(when('set', 'nul\0', 1)).toContain('well-formed');
  });
});

describe('updates one after another', () => {
  it('each see the one before; a refused one changes nothing and stops no other', () => {
    const { fields, refused } = applyUpdates(ADA, [
      { field: 'visits', operation: 'increment' },
      { field: 'plan', operation: 'increment' },
      { field: 'visits', operation: 'increment' },
    ]);
    expect(fields.properties.visits).toBe(5);
    expect(refused).toEqual([
      { index: 1, field: 'plan', operation: 'increment', reason: 'the present value is not a number' },
    ]);
  });

  it('never change what was given, and never reach a prototype', () => {
    const key = fc.constantFrom(
      '__proto__',
      'constructor',
      'prototype',
      'toString',
      'a',
      'b',
      'tags',
      'address',
    );
    const update: fc.Arbitrary<ContactUpdate> = fc.record({
      field: fc.array(key, { minLength: 1, maxLength: 4 }).map((path) => path.join('.')),
      operation: fc.constantFrom('set', 'unset', 'increment', 'decrement', 'append', 'remove'),
      value: fc.oneof(fc.jsonValue(), fc.constant(JSON.parse('{"__proto__":{"polluted":true}}'))),
    });
    const frozen = JSON.stringify(ADA);
    fc.assert(
      fc.property(fc.array(update, { maxLength: 8 }), (updates) => {
        const { fields } = applyUpdates(ADA, updates);
        expect(JSON.stringify(ADA)).toBe(frozen);
        expect(({} as Record<string, unknown>).polluted).toBeUndefined();
        expect(Object.getPrototypeOf(fields.properties)).toBe(Object.prototype);
        expect(Object.hasOwn(fields.properties, '__proto__')).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});
