import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '@trackline/contracts';
import { answered, refused, type Decision } from '../domain/decision.ts';
import type { AnswerMemory, Claim, KeyedRequest } from '../ports.ts';
import { oncePerKey } from './once-per-key.ts';

const request: KeyedRequest = { organizationId: 'o', key: 'k', fingerprint: 'f' };

/** A memory that answers claims as told, and writes down what is done to it. */
function memory(...claims: Claim[]) {
  const done: string[] = [];
  const fake: AnswerMemory = {
    claim: async () => claims.shift()!,
    keep: async (_request, decision) => void done.push(`keep ${decision.kind}`),
    release: async () => void done.push('release'),
    forget: async () => void done.push('forget'),
  };
  return { fake, done };
}
const once = (fake: AnswerMemory, clock = { now: () => 0 }) =>
  oncePerKey({ memory: fake, clock, newToken: () => 't', pause: async () => undefined, leaseMs: 100 });

describe('a request under an Idempotency-Key', () => {
  it('is carried out and its answer kept, when it is the first', async () => {
    const { fake, done } = memory({ state: 'first' });
    expect(await once(fake)(request, async () => answered(200, 1))).toEqual(answered(200, 1));
    expect(done).toEqual(['keep answered']);
  });

  it('frees its key when the answer is not to be remembered', async () => {
    const { fake, done } = memory({ state: 'first' });
    await once(fake)(request, async () => refused('EVENT_LIMIT_EXCEEDED', 'x'));
    expect(done).toEqual(['release']);
  });

  it('frees its key when it fails, and fails', async () => {
    const { fake, done } = memory({ state: 'first' });
    const failing = once(fake)(request, () => Promise.reject(new Error('away')));
    await expect(failing).rejects.toThrow('away');
    expect(done).toEqual(['release']);
  });

  it('gets the first answer when it is a retry, marked', async () => {
    const { fake } = memory({ state: 'answered', decision: refused('DUPLICATE_EVENT', 'x') });
    const told = await once(fake)(request, () => Promise.reject(new Error('never carried out')));
    expect(told).toEqual(refused('DUPLICATE_EVENT', 'x', { headers: { 'Idempotent-Replayed': 'true' } }));
  });

  it('waits for the first that is in flight', async () => {
    const { fake } = memory(
      { state: 'in_flight' },
      { state: 'in_flight' },
      { state: 'answered', decision: answered(200, 1) },
    );
    expect(await once(fake)(request, () => Promise.reject(new Error('never')))).toMatchObject({ body: 1 });
  });

  it('takes over when the first has died', async () => {
    const { fake, done } = memory({ state: 'in_flight' }, { state: 'first' });
    expect(await once(fake)(request, async () => answered(200, 2))).toEqual(answered(200, 2));
    expect(done).toEqual(['keep answered']);
  });

  it('does not wait for ever', async () => {
    let now = 0;
    const fake: AnswerMemory = { ...memory().fake, claim: async () => ({ state: 'in_flight' }) };
    const waiting = once(fake, { now: () => (now += 150) })(request, async () => answered(200, 1));
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is 422 when the key was used with another request', async () => {
    const { fake } = memory({ state: 'other_request' });
    expect(await once(fake)(request, async () => answered(200, 1))).toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });

  it('is carried out all the same when nothing is known of earlier ones', async () => {
    const { fake, done } = memory({ state: 'unknown' });
    expect(await once(fake)(request, async () => answered(200, 1))).toEqual(answered(200, 1));
    expect(done).toEqual([]);
  });

  it('does not take its key at all when the cap refuses the event between the answer and its keeping', async () => {
    const { fake, done } = memory({ state: 'first' });
    await once(fake)(request, async (onLate) => {
      onLate({
        correlation: '',
        eventId: 'e',
        workflowsTriggered: 0,
        executionsResumed: 0,
        monthUsed: 1,
        verdict: 'over_limit',
      });
      return answered(202, {});
    });
    expect(done).toEqual(['release']);
  });

  it('frees its key when the cap refuses the event after the answer, and for no other late outcome', async () => {
    const { fake, done } = memory({ state: 'first' });
    let tell: (outcome: Outcome) => void = () => undefined;
    await once(fake)(request, async (onLate): Promise<Decision> => {
      tell = onLate;
      return answered(202, {});
    });
    const late = { correlation: '', eventId: 'e', workflowsTriggered: 0, executionsResumed: 0, monthUsed: 1 };
    tell({ ...late, verdict: 'admitted' });
    expect(done).toEqual(['keep answered']);
    tell({ ...late, verdict: 'over_limit' });
    expect(done).toEqual(['keep answered', 'forget']);
  });
});
