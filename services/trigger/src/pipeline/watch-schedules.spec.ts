import { describe, expect, it } from '@jest/globals';
import { eventually } from '@trackline/testkit';
import { ScheduleWatch } from './watch-schedules.ts';

describe('the watch of schedules', () => {
  it('goes on looking for due times while a run is carried out, and stops when that is over', async () => {
    let planned = 0;
    let carried = 0;
    let finish = (): void => {};
    const watch = new ScheduleWatch({
      plan: async () => ++planned,
      carryOut: () => {
        carried += 1;
        return new Promise((resolve) => (finish = () => resolve(false)));
      },
      onFault: (error) => {
        throw error;
      },
      everyMs: 1,
    });
    watch.start();
    await eventually(() => carried === 1 && planned >= 3);
    let isStopped = false;
    const stopping = watch.stop().then(() => (isStopped = true));
    await eventually(() => planned > 0);
    expect(isStopped).toBe(false);
    finish();
    await stopping;
    expect(carried).toBe(1);
  });

  it('tells of a fault, and looks again', async () => {
    const faults: unknown[] = [];
    let carried = 0;
    const watch = new ScheduleWatch({
      plan: async () => Promise.reject(new Error('away')),
      carryOut: async () => {
        carried += 1;
        return false;
      },
      onFault: (error) => void faults.push(error),
      everyMs: 1,
    });
    watch.start();
    await eventually(() => faults.length >= 2 && carried >= 2);
    await watch.stop();
  });
});
