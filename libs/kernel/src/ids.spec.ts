import { describe, expect, it } from '@jest/globals';
import { isUuid, uuidFromBytes, uuidv7, writeUuid } from './ids.ts';

describe('uuidv7', () => {
  it('is a canonical version 7 UUID that carries its moment', () => {
    const id = uuidv7(Date.UTC(2199, 0, 1));
    expect(isUuid(id)).toBe(true);
    expect(id[14]).toBe('7');
    expect('89ab').toContain(id[19]);
    expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(Date.UTC(2199, 0, 1));
  });

  it('sorts in the order of making, also within a millisecond, past its counter, and when the clock steps back', () => {
    const made = Array.from({ length: 10_000 }, (_, i) => uuidv7(Date.UTC(2200, 0, 1) - (i % 3)));
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  it('goes to bytes and back', () => {
    for (const id of [uuidv7(), '01234567-89ab-cdef-fedc-ba9876543210']) {
      const bytes = Buffer.alloc(20, 0xee);
      writeUuid(id, bytes, 2);
      expect(bytes.toString('hex')).toBe(`eeee${id.replaceAll('-', '')}eeee`);
      expect(uuidFromBytes(bytes, 2)).toBe(id);
    }
  });

  it('is refused as bytes when it is none, so that no two texts become the same bytes', () => {
    const bytes = Buffer.alloc(16);
    const capitals = uuidv7().toUpperCase();
    writeUuid(capitals, bytes);
    expect(uuidFromBytes(bytes)).toBe(capitals.toLowerCase());
    const id = uuidv7();
    for (let at = 0; at < 36; at++) {
      if (id[at] === '-') continue;
      for (const wrong of ['g', '-', ' ', '\0', 'ü', '語']) {
        expect(() => writeUuid(id.slice(0, at) + wrong + id.slice(at + 1), bytes)).toThrow('is no UUID');
      }
    }
    for (const wrong of ['', id.slice(1), `${id}0`])
      expect(() => writeUuid(wrong, bytes)).toThrow('is no UUID');
  });

  it('takes nothing but the canonical form for a UUID', () => {
    expect(isUuid(uuidv7().toUpperCase())).toBe(false);
    expect(isUuid(`${uuidv7()} `)).toBe(false);
    expect(isUuid('')).toBe(false);
  });
});
