import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from './message.ts';
import { PartitionWorker, type WorkerDesk } from './partition-worker.ts';

const chunk = (from: number, count: number) => ({
  messages: Array.from({ length: count }, (_, i): IncomingMessage => ({
    key: null,
    value: null,
    headers: {},
    timestampMs: 0,
    offset: from + i,
  })),
  nextOffset: from + count,
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const log: string[] = [];
  const open: (() => void)[] = [];
  let isDone = true;
  const desk: WorkerDesk = {
    deliver: async (_worker, messages) => {
      log.push(`begin ${messages[0]!.offset}-${messages.at(-1)!.offset}`);
      await new Promise<void>((resolve) => open.push(resolve));
      log.push(`end ${messages[0]!.offset}`);
      return isDone;
    },
    pause: () => void log.push('pause'),
    resume: () => void log.push('resume'),
  };
  const limits = { maxBatchMessages: 2, maxBufferedMessages: 4, maxBufferedBytes: 1_000 };
  const worker = new PartitionWorker('t', 0, 1, limits, desk);
  const finishOne = async () => {
    open.shift()!();
    await turn();
  };
  return { worker, log, finishOne, abandon: () => (isDone = false) };
}

describe('PartitionWorker', () => {
  it('hands batches over strictly one after another and moves on with each', async () => {
    const { worker, log, finishOne } = setUp();
    worker.start(0, 0, 3);
    worker.offer(chunk(0, 3), 3);
    await turn();
    expect(log).toEqual(['begin 0-1']);
    expect(worker.doneOffset).toBe(0);
    await finishOne();
    expect(worker.doneOffset).toBe(2);
    await finishOne();
    expect(log).toEqual(['begin 0-1', 'end 0', 'begin 2-2', 'end 2']);
    expect([worker.doneOffset, worker.expectedOffset, worker.lag]).toEqual([3, 3, 0]);
  });

  it('pauses a full partition and resumes it below half', async () => {
    const { worker, log, finishOne } = setUp();
    worker.start(0, 0, 10);
    worker.offer(chunk(0, 8), 10);
    await turn();
    expect(log).toEqual(['pause', 'begin 0-1']);
    await finishOne();
    await finishOne();
    expect(log).not.toContain('resume');
    await finishOne();
    expect(log.at(-2)).toBe('resume');
  });

  it('runs errands between batches, never beside one', async () => {
    const { worker, log, finishOne } = setUp();
    worker.start(0, 0, 4);
    worker.offer(chunk(0, 3), 3);
    await turn();
    const errand = worker.between(async () => {
      log.push('errand');
      await turn();
      return 42;
    });
    await turn();
    await finishOne();
    expect(await errand).toBe(42);
    await turn();
    expect(log.slice(0, 4)).toEqual(['begin 0-1', 'end 0', 'errand', 'begin 2-2']);
  });

  it('lets batches have their turn among errands that bring errands', async () => {
    const { worker, log, finishOne } = setUp();
    let isOver = false;
    const again = (): Promise<void> => (isOver ? Promise.resolve() : worker.between(turn).then(again));
    worker.start(0, 0, 2);
    const errands = again();
    worker.offer(chunk(0, 2), 2);
    for (let i = 0; i < 5; i++) await turn();
    expect(log).toEqual(['begin 0-1']);
    await finishOne();
    isOver = true;
    await errands;
    expect(worker.doneOffset).toBe(2);
  });

  it('passes on what an errand throws', async () => {
    const { worker } = setUp();
    worker.start(0, 0, 0);
    await expect(worker.between(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(
      worker.between(() => {
        throw new Error('at once');
      }),
    ).rejects.toThrow('at once');
  });

  it('once retired hands out nothing more, but lets the running batch end and counts it', async () => {
    const { worker, log, finishOne } = setUp();
    worker.start(0, 0, 4);
    worker.offer(chunk(0, 3), 3);
    await turn();
    const errand = worker.between(() => Promise.resolve());
    worker.retire();
    await expect(errand).rejects.toThrow('not assigned');
    let isFinished = false;
    void worker.finished.then(() => (isFinished = true));
    await turn();
    expect(isFinished).toBe(false);
    await finishOne();
    expect([isFinished, worker.doneOffset]).toEqual([true, 2]);
    expect(log).toEqual(['begin 0-1', 'end 0']);
  });

  it('is finished at once when it never began', async () => {
    const { worker } = setUp();
    worker.retire();
    await worker.finished;
  });

  it('does not move over a batch that was abandoned', async () => {
    const { worker, finishOne, abandon } = setUp();
    worker.start(5, 5, 7);
    worker.offer(chunk(5, 2), 7);
    await turn();
    abandon();
    await finishOne();
    await worker.finished;
    expect(worker.doneOffset).toBe(5);
  });

  it('moves over records without messages only when what was before them is done', async () => {
    const { worker, finishOne } = setUp();
    worker.start(0, 0, 10);
    worker.skipTo(2);
    expect(worker.doneOffset).toBe(2);
    worker.offer(chunk(2, 2), 10);
    await turn();
    worker.skipTo(6);
    expect([worker.doneOffset, worker.expectedOffset]).toEqual([2, 6]);
    await finishOne();
    expect(worker.doneOffset).toBe(6);
  });

  it('hands out nothing once stopped', async () => {
    const { worker, log } = setUp();
    worker.start(0, 0, 4);
    worker.stop('out of range');
    worker.offer(chunk(0, 1), 4);
    await turn();
    expect(log).toEqual(['pause']);
    await expect(worker.between(() => Promise.resolve())).rejects.toThrow('out of range');
  });

  it('is idle once everything is handed over and done, or when nothing more will be', async () => {
    const { worker, log, finishOne } = setUp();
    worker.start(0, 0, 0);
    worker.offer(chunk(0, 3), 3);
    void worker.idle().then(() => log.push('idle'));
    await turn();
    await finishOne();
    expect(log).not.toContain('idle');
    await finishOne();
    expect(log.at(-1)).toBe('idle');
    worker.offer(chunk(3, 1), 4);
    void worker.idle().then(() => log.push('idle again'));
    worker.retire();
    await turn();
    expect(log.at(-1)).toBe('idle again');
  });
});
