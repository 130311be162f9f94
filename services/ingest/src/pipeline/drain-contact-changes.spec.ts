import { describe, expect, it } from '@jest/globals';
import type { ContactChange } from '@trackline/contracts';
import { drainContactChanges, type DrainParts } from './drain-contact-changes.ts';

const change: ContactChange = { id: '1', organizationId: 'o', contactId: 'c', change: 'created', atMs: 0 };

function draining(rounds: (number | Error)[], more: Partial<DrainParts> = {}) {
  const stopping = new AbortController();
  const seen: string[] = [];
  const running = drainContactChanges(
    {
      drainOutbox: async (_limit, publish) => {
        const round = rounds.shift();
        if (rounds.length === 0) stopping.abort();
        if (round instanceof Error) throw round;
        if (round) await publish([change]);
        return round ?? 0;
      },
      publish: async (changes) => void seen.push(`published ${changes.length}`),
      onDrained: (count) => seen.push(`drained ${count}`),
      onFault: (error) => seen.push((error as Error).message),
      idleMs: 1,
      onIdle: () => seen.push('idle'),
      ...more,
    },
    stopping.signal,
  );
  return { running, seen, stopping };
}

describe('changes of contacts', () => {
  it('are published as long as there are any, then waited for', async () => {
    const { running, seen } = draining([1_000, 3, 0, 0]);
    await running;
    expect(seen).toEqual(['published 1', 'drained 1000', 'published 1', 'drained 3', 'idle', 'idle']);
  });

  it('stay where they are when publishing fails, and are tried again', async () => {
    const { running, seen } = draining([new Error('broker away'), 2, 0]);
    await running;
    expect(seen).toEqual(['broker away', 'published 1', 'drained 2', 'idle']);
  });

  it('are looked for at once when one was made here', async () => {
    let looks = 0;
    const stopping = new AbortController();
    await drainContactChanges(
      {
        drainOutbox: async () => {
          if (++looks === 3) stopping.abort();
          return 0;
        },
        publish: async () => undefined,
        onDrained: () => undefined,
        onFault: () => undefined,
        idleMs: 60_000,
        onIdle: (wake) => void setImmediate(wake),
      },
      stopping.signal,
    );
    expect(looks).toBe(3);
  });
});
