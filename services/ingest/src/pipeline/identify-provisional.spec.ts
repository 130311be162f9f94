import { describe, expect, it } from '@jest/globals';
import type { Identified } from '../ports.ts';
import { identifyProvisionals } from './identify-provisional.ts';

const identified = (provisionalId: string): Identified => ({
  organizationId: 'o',
  provisionalId,
  personId: 'p',
});

describe('provisional contacts', () => {
  it('are identified each for itself: one that fails stays, and is tried again after a pause', async () => {
    const stopping = new AbortController();
    const due = new Set(['good', 'bad']);
    const faults: unknown[] = [];
    const became: [string, string | null][] = [];
    let pauses = 0;
    await identifyProvisionals(
      {
        people: {
          identify: async ({ provisionalId }) => {
            if (provisionalId === 'bad' && pauses === 0) throw new Error('away');
            return provisionalId === 'good' ? 'q' : undefined;
          },
        },
        links: {
          takeIdentified: async (_limit, identify) => {
            const taken = [...due].map(identified);
            for (const one of taken) {
              const as = await identify(one);
              if (as) due.delete(one.provisionalId);
              if (as) became.push([one.provisionalId, as.personId]);
            }
            return taken.length;
          },
        },
        onFault: (_error, one) => void faults.push(one?.provisionalId),
        idleMs: 1,
        pause: async () => {
          pauses += 1;
          if (due.size === 0) stopping.abort();
        },
      },
      stopping.signal,
    );
    expect([faults, [...due]]).toEqual([['bad'], []]);
    expect(became).toEqual([
      ['good', 'q'],
      ['bad', null],
    ]);
  });

  it('wait when the database is away', async () => {
    const stopping = new AbortController();
    const faults: string[] = [];
    await identifyProvisionals(
      {
        people: { identify: async () => undefined },
        links: { takeIdentified: () => Promise.reject(new Error('away')) },
        onFault: (error) => void faults.push((error as Error).message),
        idleMs: 1,
        pause: async () => stopping.abort(),
      },
      stopping.signal,
    );
    expect(faults).toEqual(['away']);
  });
});
