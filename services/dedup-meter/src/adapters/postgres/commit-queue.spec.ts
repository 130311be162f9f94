import { describe, expect, it } from '@jest/globals';
import type { LedgerBatch } from '../../domain/ledger-batch.ts';
import type { CommitOutcome } from '../../ports.ts';
import { CommitQueue } from './commit-queue.ts';

const batch = (sourceId: number, rows: number) =>
  ({ sourceId, events: Array(rows).fill({}) }) as unknown as LedgerBatch;
const committed: CommitOutcome = { kind: 'committed', notices: [] };

const gathered = () => new Promise((resolve) => setImmediate(resolve));

/** A ledger that waits for a sign, and notes which batches came together. */
function ledger(outcome: (batches: readonly LedgerBatch[]) => CommitOutcome = () => committed) {
  const groups: number[][] = [];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const commitTogether = async (batches: readonly LedgerBatch[]) => {
    groups.push(batches.map(({ sourceId }) => sourceId));
    await gate;
    return batches.map(() => outcome(batches));
  };
  return { groups, release: () => release(), commitTogether };
}

describe('the commit queue', () => {
  it('lets those that come together, or wait, share a transaction up to a thousand rows', async () => {
    const { groups, release, commitTogether } = ledger();
    const queue = new CommitQueue(commitTogether);
    const commits = [500, 500, 400, 400, 400, 1_500, 1].map((rows, at) => queue.commit(batch(at, rows)));
    expect(groups).toEqual([]);
    await gathered();
    expect(groups).toEqual([
      [0, 1],
      [2, 3],
    ]);
    release();
    await Promise.all(commits);
    expect(groups).toEqual([[0, 1], [2, 3], [4], [5], [6]]);
  });

  it('tries one by one what was refused together, and tells each its own outcome', async () => {
    const { groups, release, commitTogether } = ledger((batches) =>
      batches.some(({ sourceId }) => sourceId === 3) ? { kind: 'fenced' } : committed,
    );
    const queue = new CommitQueue(commitTogether);
    const commits = [0, 1, 2, 3, 4].map((at) => queue.commit(batch(at, 1)));
    release();
    const outcomes = await Promise.all(commits);
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      'committed',
      'committed',
      'committed',
      'fenced',
      'committed',
    ]);
    expect(groups).toEqual([[0, 1, 2, 3, 4], [0], [1], [2], [3], [4]]);
  });

  it.each([
    ['a deadlock, which has rolled back', '40P01', 'one by one'],
    ['a connection that was lost, which may have committed', 'ECONNRESET', 'doubt'],
    ['a server that shuts down, which may have committed', '57P01', 'doubt'],
  ])('takes %s (%s) for %s', async (_, code, then) => {
    const groups: number[] = [];
    const queue = new CommitQueue(
      async (batches) => {
        groups.push(batches.length);
        if (batches.length > 1) throw Object.assign(new Error('failed'), { code });
        return [committed];
      },
      { maxRows: 10, inFlight: 1 },
    );
    const outcomes = await Promise.allSettled([0, 1, 2].map((at) => queue.commit(batch(at, 1))));
    expect(groups).toEqual(then === 'doubt' ? [3] : [3, 1, 1, 1]);
    expect(outcomes.map(({ status }) => status)).toEqual(
      Array(3).fill(then === 'doubt' ? 'rejected' : 'fulfilled'),
    );
  });
});
