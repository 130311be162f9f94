import { describe, expect, it } from '@jest/globals';
import { clientNamedEventId } from '@trackline/contracts';
import { uuidv7 } from '@trackline/kernel';
import { isClientNamed, receivedNear } from './event-id-time.ts';

describe('an event id', () => {
  it('made at the door tells when, a client’s tells nothing but that', () => {
    const madeMs = Date.UTC(2199, 0, 1);
    const made = uuidv7(madeMs);
    expect(receivedNear(made)! - madeMs).toBe(3_600_000);
    expect(isClientNamed(made)).toBe(false);
    const named = clientNamedEventId('org', 'source', 'id');
    expect(receivedNear(named)).toBeUndefined();
    expect(isClientNamed(named)).toBe(true);
  });
});
