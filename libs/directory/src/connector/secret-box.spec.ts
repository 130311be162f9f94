import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { SecretBox, secretsKeyProblem } from './secret-box.ts';

const key = (): string => randomBytes(32).toString('base64');

describe('a secret box', () => {
  it('opens what it has sealed, and seals the same text differently each time', () => {
    const box = new SecretBox(key());
    const [one, other] = [box.seal('geheim ✓', 'o/email'), box.seal('geheim ✓', 'o/email')];
    expect(one.equals(other)).toBe(false);
    expect(one.includes('geheim')).toBe(false);
    expect([box.open(one, 'o/email'), box.open(other, 'o/email')]).toEqual(['geheim ✓', 'geheim ✓']);
  });

  it('opens with an older key too, and seals with the first', () => {
    const [older, newer] = [key(), key()];
    const sealed = new SecretBox(older).seal('a', 'o');
    const both = new SecretBox(`${newer}, ${older}`);
    expect(both.open(sealed, 'o')).toBe('a');
    expect(new SecretBox(newer).open(both.seal('b', 'o'), 'o')).toBe('b');
    expect(() => new SecretBox(newer).open(sealed, 'o')).toThrow('does not hold the key');
  });

  it('refuses what was changed, cut, or moved to another owner', () => {
    const box = new SecretBox(key());
    const sealed = box.seal('a secret', 'one');
    expect(() => box.open(sealed, 'another')).toThrow('belongs to another');
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      expect(() => box.open(changed, 'one')).toThrow();
      expect(() => box.open(sealed.subarray(0, at), 'one')).toThrow();
    }
  });

  it.each([
    '',
    'short',
    Buffer.alloc(31).toString('base64'),
    'x'.repeat(44),
    `${Buffer.alloc(32).toString('base64')},`,
  ])('takes no %j for a key', (text) => {
    expect(secretsKeyProblem(text)).toContain('32 bytes');
    expect(() => new SecretBox(text)).toThrow('32 bytes');
  });
});
