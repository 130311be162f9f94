import { describe, expect, it } from '@jest/globals';
import { numbersAsSent } from '@trackline/contracts';
import { validateItem, validateTrack } from './tracked-event.ts';

const NOW = Date.parse('2026-11-20T10:00:00.000Z');
const item = { name: 'order', contactId: 'c' };
const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });

describe('an item', () => {
  it('is read with its defaults', () => {
    expect(validateItem(item, NOW)).toEqual({
      ok: true,
      value: { name: 'order', contact: { by: 'contactId', value: 'c' }, properties: '{}', backfill: false },
    });
  });

  it('is read in full', () => {
    const full = {
      ...item,
      properties: { a: 1 },
      uniqueId: 'u',
      occurredAt: '2026-11-20T09:00:00Z',
      backfill: true,
    };
    expect(validateItem(full, NOW)).toMatchObject({
      value: { properties: '{"a":1}', uniqueId: 'u', occurredAtMs: NOW - 3_600_000, backfill: true },
    });
  });

  it('keeps its numbers as they were sent, and is measured with them', () => {
    const sent = (properties: string) => {
      const body = `{"name":"order","contactId":"c", "properties" : ${properties}}`;
      return validateItem(JSON.parse(body) as typeof item, NOW, numbersAsSent(body));
    };
    expect(sent('{"total" : 10.50, "ids":[ 9007199254740993 ]}')).toMatchObject({
      value: { properties: '{"total":10.50,"ids":[9007199254740993]}' },
    });
    expect(sent('{"a":1e400}')).toMatchObject({ ok: false, error: { path: '/properties/a' } });
    expect(sent(`{"a":[${'1.000,'.repeat(11_000)}1]}`)).toMatchObject({
      ok: false,
      error: { path: '/properties' },
    });
  });

  it.each([
    ['/name', { name: 'a\0' }],
    ['/name', { name: '\ud800' }],
    ['/uniqueId', { uniqueId: '\udc00' }],
    ['/occurredAt', { occurredAt: 'yesterday' }],
    ['/occurredAt', { occurredAt: '2026-11-20T10:05:00.001Z' }],
    ['/occurredAt', { occurredAt: '2024-11-20T09:59:59.999Z' }],
    ['/properties/a', { properties: { a: '\0' } }],
    ['/properties', { properties: { a: 'x'.repeat(65_536) } }],
    ['/properties/a/a/a/a/a/a/a/a/a/a', { properties: nested(11) as Record<string, unknown> }],
    ['/properties/a', { properties: { a: Number.POSITIVE_INFINITY } }],
  ])('is refused at %s', (path, wrong) => {
    expect(validateItem({ ...item, ...wrong }, NOW)).toMatchObject({ ok: false, error: { path } });
  });

  it('may be as large and deep as is said, to the byte and the level', () => {
    const properties = { a: 'x'.repeat(65_536 - '{"a":""}'.length) };
    expect(validateItem({ ...item, properties }, NOW).ok).toBe(true);
    expect(validateItem({ ...item, properties: { a: `${properties.a}x` } }, NOW).ok).toBe(false);
    expect(validateItem({ ...item, properties: nested(10) as Record<string, unknown> }, NOW).ok).toBe(true);
    // Bytes, not characters.
    expect(validateItem({ ...item, properties: { a: 'ü'.repeat(33_000) } }, NOW).ok).toBe(false);
  });
});

describe('a single event', () => {
  const created = { name: 'order', contactEmail: ' Ada@Example.com ', createIfMissing: true };

  it('brings its contact along, with a first name when it has one', () => {
    expect(validateTrack(created, NOW)).toMatchObject({ value: { create: {} } });
    expect(validateTrack({ ...created, contactName: 'Ada' }, NOW)).toMatchObject({
      value: { create: { firstName: 'Ada' } },
    });
  });

  it.each([
    ['is not asked to', { createIfMissing: false }],
    ['names the contact by id', { contactId: 'c' }],
    ['names the contact by external id', { contactExternalId: 'x' }],
  ])('makes none when it %s', (_, fields) => {
    const read = validateTrack({ ...created, ...fields }, NOW);
    expect(read.ok && read.value.create).toBeUndefined();
  });

  it.each(['ada', '@', 'a b@c', `${'a'.repeat(320)}@b`])('makes none of %j, and says why', (contactEmail) => {
    expect(validateTrack({ ...created, contactEmail }, NOW)).toMatchObject({
      ok: false,
      error: { path: '/contactEmail' },
    });
    // Not asked to make one, it is just not found.
    expect(validateTrack({ ...created, contactEmail, createIfMissing: false }, NOW).ok).toBe(true);
  });

  it('refuses a name for the contact that cannot be stored', () => {
    expect(validateTrack({ ...created, contactName: 'A\0' }, NOW)).toMatchObject({
      error: { path: '/contactName' },
    });
  });
});
