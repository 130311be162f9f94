import { describe, expect, it } from '@jest/globals';
import { normalizeEmail, normalizeExternalId, normalizePhone } from './identifier.ts';

describe('an email', () => {
  it('is trimmed and in lower case', () => {
    expect(normalizeEmail(' Ada.Lovelace@Example.COM\t')).toBe('ada.lovelace@example.com');
  });
  it.each([
    '',
    ' ',
    'ada',
    'ada@',
    '@example.com',
    'a@b@c',
    'a b@c.d',
    'nul\0@x.y',
    'half\ud800@x.y',
    `${'x'.repeat(320)}@y.z`,
  ])('%j is none', (text) => expect(normalizeEmail(text)).toBeUndefined());
});

describe('a phone number', () => {
  it.each([
    ['+4915123456789', '+4915123456789'],
    ['4915123456789', '+4915123456789'],
    ['0049 151 / 234 567 89', '+4915123456789'],
    ['+49 (0) 151-23456789', '+4915123456789'],
    [4915123456789, '+4915123456789'],
    ['+1-212-555-1234', '+12125551234'],
    ['15550783881', '+15550783881'],
  ])('%j is %s', (written, e164) => {
    expect(normalizePhone(written)).toBe(e164);
    expect(normalizePhone(e164)).toBe(e164);
  });

  it.each([
    ['+5215512345678', '+525512345678', 'Mexican, with the mobile 1 of before 2020'],
    ['+551187654321', '+5511987654321', 'Brazilian mobile of eight digits'],
  ])('%s is %s: %s', (older, newer) => {
    expect(normalizePhone(older)).toBe(newer);
    expect(normalizePhone(newer)).toBe(newer);
  });

  it('keeps Brazilian landlines of eight digits', () => {
    expect(normalizePhone('+551133334444')).toBe('+551133334444');
  });

  it.each([
    '',
    '   ',
    '+',
    '123',
    '+999123456789',
    'call me',
    'x4915123456789',
    '+12125551234 ext 5',
    '1'.repeat(65),
    Number.NaN,
    1e21,
  ])('%j is none', (text) => expect(normalizePhone(text)).toBeUndefined());
});

describe('an external id', () => {
  it('is kept as it is', () => expect(normalizeExternalId(' User-1 ')).toBe(' User-1 '));
  it.each(['', 'x'.repeat(256), 'nul\0', '\udc00'])('%j is none', (text) =>
    expect(normalizeExternalId(text)).toBeUndefined(),
  );
});
