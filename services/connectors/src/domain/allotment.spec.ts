import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Load, type Queue } from './allotment.ts';

const limits = { total: 10, perOrganization: 4, perDestination: 2 };
const queue = (organizationId: string, destination: string): Queue => ({ organizationId, destination });

describe('what may begin', () => {
  it('is bounded for each destination, each organisation and in all', () => {
    const load = new Load(limits);
    const queues = ['a', 'b', 'c'].flatMap((org) => [1, 2, 3].map((host) => queue(org, `host${host}`)));
    const given = load
      .allot(queues)
      .map(({ queue: { organizationId, destination }, take }) => [organizationId, destination, take]);
    expect(given).toEqual([
      ['a', 'host1', 2],
      ['a', 'host2', 1],
      ['a', 'host3', 1],
      ['b', 'host1', 1],
      ['b', 'host2', 1],
      ['b', 'host3', 1],
      ['c', 'host1', 1],
      ['c', 'host2', 1],
      ['c', 'host3', 1],
    ]);
  });

  it('leaves others their share when one is full', () => {
    const load = new Load(limits);
    for (let n = 0; n < 2; n++) load.begun(queue('a', 'dead'));
    expect(load.full()).toEqual({ organizations: [], queues: [queue('a', 'dead')] });
    for (let n = 0; n < 2; n++) load.begun(queue('a', 'slow'));
    expect(load.full().organizations).toEqual(['a']);
    expect(load.allot([queue('a', 'fine'), queue('b', 'dead')])).toEqual([
      { queue: queue('b', 'dead'), take: 2 },
    ]);
    load.ended(queue('a', 'slow'));
    expect(load.allot([queue('a', 'fine')])).toEqual([{ queue: queue('a', 'fine'), take: 1 }]);
  });

  it('never goes past a limit, whatever comes and goes', () => {
    const someQueue = fc.record({
      organizationId: fc.constantFrom('a', 'b', 'c', 'd'),
      destination: fc.constantFrom('x', 'y', 'z'),
    });
    fc.assert(
      fc.property(fc.array(fc.array(someQueue, { maxLength: 12 }), { maxLength: 20 }), (rounds) => {
        const load = new Load(limits);
        const running: Queue[] = [];
        for (const round of rounds) {
          const distinct = [...new Map(round.map((one) => [JSON.stringify(one), one])).values()];
          for (const { queue: given, take } of load.allot(distinct))
            for (let n = 0; n < take; n++) {
              load.begun(given);
              running.push(given);
            }
          const count = (fits: (one: Queue) => boolean) => running.filter(fits).length;
          expect(running.length).toBeLessThanOrEqual(limits.total);
          for (const one of running) {
            expect(count((other) => other.organizationId === one.organizationId)).toBeLessThanOrEqual(4);
            expect(count((other) => JSON.stringify(other) === JSON.stringify(one))).toBeLessThanOrEqual(2);
          }
          for (const gone of running.splice(0, Math.ceil(running.length / 2))) load.ended(gone);
          expect(load.free).toBe(limits.total - running.length);
        }
      }),
    );
  });
});
