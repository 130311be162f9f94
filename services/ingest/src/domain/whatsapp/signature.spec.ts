import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSameSecret, isSigned } from './signature.ts';

const sign = (body: Uint8Array, secret: string) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

describe('a signature', () => {
  it('is of these bytes by this secret, and of no others', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.nat(),
        (body, secret, at) => {
          const signature = sign(body, secret);
          const flipped = Uint8Array.from(body);
          flipped[at % body.length]! ^= 1;
          return (
            isSigned(body, signature, secret) &&
            !isSigned(flipped, signature, secret) &&
            !isSigned(body, signature, `${secret}x`)
          );
        },
      ),
    );
  });

  it.each([
    undefined,
    '',
    'sha256=',
    `sha256=${'0'.repeat(63)}`,
    `sha1=${'0'.repeat(64)}`,
    `${'0'.repeat(64)}`,
  ])('is not %p', (header) => expect(isSigned(Buffer.from('x'), header, 's')).toBe(false));
});

it('secrets of any length are compared', () => {
  expect([isSameSecret('a', 'a'), isSameSecret('a', 'ab'), isSameSecret('', 'a')]).toEqual([
    true,
    false,
    false,
  ]);
});
