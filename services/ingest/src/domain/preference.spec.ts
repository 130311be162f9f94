import { describe, expect, it } from '@jest/globals';
import { prefersAsync } from './preference.ts';

describe('Prefer', () => {
  it.each([
    'respond-async',
    'Respond-Async',
    'return=minimal, respond-async',
    'respond-async; wait=10',
    ' wait=1 ,respond-async ',
  ])('%j asks not to wait', (prefer) => expect(prefersAsync(prefer)).toBe(true));
  it.each([undefined, '', 'return=minimal', 'respond-asynchronously', 'x="respond-async"'])(
    '%j does not',
    (prefer) => expect(prefersAsync(prefer)).toBe(false),
  );
});
