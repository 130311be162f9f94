import { describe, expect, it } from '@jest/globals';
import { contactReference } from './contact-reference.ts';

describe('the contact of an event', () => {
  it('is named by contactId, else contactExternalId, else contactEmail', () => {
    const all = { contactId: 'c', contactExternalId: 'x', contactEmail: 'a@b' };
    expect(contactReference(all)).toEqual({ by: 'contactId', value: 'c' });
    expect(contactReference({ ...all, contactId: undefined } as never)).toEqual({
      by: 'externalId',
      value: 'x',
    });
    expect(contactReference({ contactEmail: 'a@b' })).toEqual({ by: 'email', value: 'a@b' });
  });

  it('passes over an empty one, as a program sends it that has none', () => {
    expect(contactReference({ contactId: '', contactEmail: 'a@b' })).toEqual({ by: 'email', value: 'a@b' });
    expect(contactReference({ contactId: '', contactExternalId: '', contactEmail: '' })).toBeUndefined();
    expect(contactReference({})).toBeUndefined();
  });

  it.each(['a\0b', '\ud800', 'x\udfff'])('cannot be %j: no stored text is equal to it', (value) => {
    expect(contactReference({ contactId: value })).toBeUndefined();
    // It was given, so it decides: another contact must not get the event.
    expect(contactReference({ contactId: value, contactEmail: 'a@b' })).toBeUndefined();
  });

  it('may be of any length and look: an id that does not exist is not found, never a format error', () => {
    expect(contactReference({ contactId: 'x'.repeat(10_000) })?.value).toHaveLength(10_000);
    expect(contactReference({ contactId: "'; DROP TABLE" })).toBeDefined();
  });
});
