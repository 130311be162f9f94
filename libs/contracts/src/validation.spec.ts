import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { TrackBody } from './routes/events.ts';
import { encodeProperties, MAX_PROPERTIES_BYTES, storableIssue, validator } from './validation.ts';

describe('validator', () => {
  const check = validator(TrackBody);

  it('takes what Wraps clients send', () => {
    expect(
      check({ name: 'signup', contactEmail: 'a@b.co', createIfMissing: true, properties: { plan: 'pro' } })
        .ok,
    ).toBe(true);
  });

  it('tells where each thing is wrong, once', () => {
    const result = check({ name: '', contactId: 7, properties: [] });
    expect(result.ok).toBe(false);
    if (!result.ok)
      expect(result.issues.map((issue) => issue.path).sort()).toEqual(['/contactId', '/name', '/properties']);
  });

  it('survives whatever JSON there is', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void check(value)));
  });
});

describe('properties', () => {
  const nested = (levels: number): Record<string, unknown> => (levels === 1 ? {} : { a: nested(levels - 1) });

  it('may be ten levels deep, not eleven', () => {
    expect(encodeProperties(nested(10), '/properties').ok).toBe(true);
    expect(encodeProperties(nested(11), '/properties').ok).toBe(false);
  });

  it('may be 64 KB as JSON, counted in bytes', () => {
    const room = MAX_PROPERTIES_BYTES - '{"a":""}'.length;
    expect(encodeProperties({ a: 'x'.repeat(room) }, '').ok).toBe(true);
    expect(encodeProperties({ a: 'x'.repeat(room + 1) }, '').ok).toBe(false);
    expect(encodeProperties({ a: 'é'.repeat(room / 2 + 1) }, '').ok).toBe(false);
  });

  it.each([
    ['a NUL', { a: 'x\0' }],
    ['half a surrogate pair', { a: '\ud800' }],
    ['a NUL in a key', { 'a\0': 1 }],
    ['an infinite number', JSON.parse('{"a":1e999}') as Record<string, unknown>],
    ['the prototype key', JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>],
  ])('refuse %s', (_, properties) => {
    expect(encodeProperties(properties, '/properties').ok).toBe(false);
  });

  it('point at the place with a JSON pointer', () => {
    expect(storableIssue({ 'a/b': { '~': '\0' } }, '/properties')?.path).toBe('/properties/a~1b/~0');
  });
});
