import { describe, expect, it } from '@jest/globals';
import type { RequestedAction } from '@trackline/contracts';
import type { ClaimedDelivery } from '../domain/delivery.ts';
import type { FoundBefore } from '../ports.ts';
import { deliver } from './deliver.ts';

const NOW_MS = 1_000_000;
const TIMEOUT_MS = 15_000;
const claimed: ClaimedDelivery = {
  action: {
    id: 'a1',
    organizationId: '00000000-0000-7000-8000-000000000001',
    contactId: '00000000-0000-7000-8000-000000000002',
    executionId: '00000000-0000-7000-8000-000000000003',
    workflowId: '00000000-0000-7000-8000-000000000004',
    workflowVersion: 1,
    stepId: 'step',
    visit: 0,
    requestedAtMs: 0,
    kind: 'sms',
    request: { to: '+15550100', body: 'Hi' },
  } as RequestedAction,
  destination: 'sms',
  source: { partition: 0, offset: 0 },
  lease: 'lease',
  leaseEndsAtMs: NOW_MS + 60_000,
  attempts: 1,
  ageMs: 0,
};

/** What one attempt at the delivery does, in order. */
async function whatHappens(
  delivery: ClaimedDelivery,
  found: Promise<FoundBefore> = Promise.resolve(undefined),
): Promise<string[]> {
  const seen: string[] = [];
  const note = (what: string) => {
    seen.push(what);
    return Promise.resolve(true);
  };
  const send = async () => {
    await note('sent');
    return { kind: 'delivered', detail: {} } as const;
  };
  const deliverOne = deliver({
    store: {
      again: () => note('again'),
      putBack: () => note('put back'),
      end: (_, { status, detail }) => note(`${status} ${JSON.stringify(detail)}`),
    },
    senders: { webhook: send, email: send, whatsapp: send, sms: send, conversion: send },
    toLetter: () => ({ topic: 'dlq', partition: 0, key: null, value: null, headers: {} }),
    policy: { maxAttempts: 16, maxAgeMs: 86_400_000, firstDelayMs: 5_000, maxDelayMs: 14_400_000 },
    contactPartitions: 1,
    timeoutMs: TIMEOUT_MS,
    nowMs: () => NOW_MS,
    random: () => 0.5,
    onAttempt: (_, fate) => void note(fate),
    onFault: () => undefined,
  });
  await deliverOne(delivery, found);
  return seen;
}

describe('an attempt', () => {
  it('sends and ends what was claimed', async () => {
    expect(await whatHappens(claimed)).toEqual(['sent', 'delivered {}', 'delivered']);
  });

  it('does not begin when it could outlast its lease', async () => {
    const late = { ...claimed, leaseEndsAtMs: NOW_MS + TIMEOUT_MS - 1 };
    expect(await whatHappens(late)).toEqual(['put back', 'put_back']);
    expect(await whatHappens({ ...late, leaseEndsAtMs: NOW_MS + TIMEOUT_MS })).toContain('sent');
  });

  it('is not counted while credentials cannot be read', async () => {
    const away = Promise.reject(new Error('The database is away.'));
    expect(await whatHappens(claimed, away)).toEqual(['put back', 'put_back']);
  });

  it('is not made past the last one, when those before it died', async () => {
    const gaveUp = (after: string) => [`failed {"reason":"gave_up","gaveUpAfter":"${after}"}`, 'given_up'];
    expect(await whatHappens({ ...claimed, attempts: 16 })).toContain('sent');
    expect(await whatHappens({ ...claimed, attempts: 17 })).toEqual(gaveUp('16 attempts'));
  });

  it('is not made past its time', async () => {
    expect(await whatHappens({ ...claimed, ageMs: 86_400_000 })).toContain('sent');
    expect(await whatHappens({ ...claimed, ageMs: 86_401_000 })).toEqual([
      'failed {"reason":"gave_up","gaveUpAfter":"86401 seconds"}',
      'given_up',
    ]);
  });
});
