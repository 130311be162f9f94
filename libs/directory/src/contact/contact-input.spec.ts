import { describe, expect, it } from '@jest/globals';
import { applyInput, parseContactInput, type ContactFields, type ContactInput } from './contact-input.ts';

const ADA: ContactFields = {
  email: 'ada@example.com',
  firstName: 'Ada',
  properties: { plan: 'pro', seats: 2 },
};

function patched(input: ContactInput): ContactFields {
  const parsed = parseContactInput(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return applyInput(ADA, parsed.value);
}
const issuesOf = (input: unknown) => {
  const parsed = parseContactInput(input as ContactInput);
  return parsed.ok ? [] : parsed.issues.map((issue) => issue.path);
};

describe('a patch', () => {
  it('leaves what it does not name, removes what is null', () => {
    expect(patched({})).toEqual(ADA);
    expect(patched({ firstName: null, lastName: 'L' })).toEqual({
      email: 'ada@example.com',
      lastName: 'L',
      properties: ADA.properties,
    });
  });

  it('merges properties key by key', () => {
    expect(patched({ properties: { plan: null, seats: 3, trial: false } }).properties).toEqual({
      seats: 3,
      trial: false,
    });
  });

  it('says of each field what is wrong', () => {
    expect(
      issuesOf({
        email: 7,
        phone: 'x',
        externalId: '',
        firstName: {},
        lastName: 'x'.repeat(256),
        properties: [],
      }),
    ).toEqual(['/email', '/phone', '/externalId', '/firstName', '/lastName', '/properties']);
  });

  it.each([null, undefined, 'text', 7, []])('%j is no contact', (input) => {
    expect(issuesOf(input)).toEqual(['']);
  });

  it('refuses properties that no database could hold, or that aim at prototypes', () => {
    expect(issuesOf({ properties: { a: ['\0'] } })).toEqual(['/properties/a/0']);
    expect(issuesOf({ properties: { a: { b: '\ud800' } } })).toEqual(['/properties/a/b']);
    expect(issuesOf({ properties: JSON.parse('{"__proto__":{"x":1}}') })).toEqual(['/properties/__proto__']);
    expect(issuesOf({ properties: null })).toEqual(['/properties']);
  });
});
