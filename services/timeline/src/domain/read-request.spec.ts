import { describe, expect, it } from '@jest/globals';
import { encodeCursor, placeBefore } from './page-cursor.ts';
import { toReadRequest } from './read-request.ts';

const nowMs = Date.parse('2026-11-20T10:00:00Z');
const iso = (ms: number) => new Date(ms).toISOString();

describe('a read request', () => {
  it('asks for the last 24 months and a little ahead when it says nothing', () => {
    const request = toReadRequest({}, 50, nowMs);
    if (!request.ok) throw new Error('refused');
    expect(iso(request.value.fromMs)).toBe('2024-11-20T10:00:00.000Z');
    expect(iso(request.value.toMs)).toBe('2026-11-20T11:00:00.000Z');
    expect(request.value.place).toEqual(placeBefore(request.value.toMs));
  });

  it('never reaches beyond what is kept', () => {
    const request = toReadRequest({ from: '1970-01-01', to: '9999-01-01' }, 50, nowMs);
    expect(request).toEqual(toReadRequest({}, 50, nowMs));
  });

  it('goes on where its cursor says', () => {
    const place = { occurredAtMs: nowMs - 5, id: '0197f0e0-0000-7000-8000-00000000000a' };
    const request = toReadRequest({ cursor: encodeCursor(place), name: 'a' }, 7, nowMs);
    expect(request).toMatchObject({ ok: true, value: { place, name: 'a', limit: 7 } });
  });

  it('tells everything that is wrong at once', () => {
    const request = toReadRequest({ from: 'yesterday', to: 'soon', cursor: 'next' }, 50, nowMs);
    if (request.ok) throw new Error('taken');
    expect(request.error.map((issue) => issue.path)).toEqual(['/from', '/to', '/cursor']);
  });
});
