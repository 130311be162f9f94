import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Frontier } from './frontier.ts';

const SOURCES = ['received.1.0', 'inbound.1.0'];
const says = (source: string, decidedUpToMs: number, end: number) => ({
  source,
  decidedUpToMs,
  admittedEnds: { 0: end },
});

describe('the frontier of a partition', () => {
  it('is nowhere until every source has been heard of', () => {
    const frontier = new Frontier(0, SOURCES, 0);
    frontier.learn(says('received.1.0', 100, 0));
    expect(frontier.atMs()).toBe(Number.NEGATIVE_INFINITY);
    expect(frontier.laggard()).toBe('inbound.1.0');
    frontier.learn(says('inbound.1.0', 80, 0));
    expect(frontier.atMs()).toBe(80);
  });

  it('waits until what a source has published is read', () => {
    const frontier = new Frontier(0, ['received.1.0'], 5);
    frontier.learn(says('received.1.0', 100, 8));
    expect(frontier.atMs()).toBe(Number.NEGATIVE_INFINITY);
    frontier.handled(7);
    expect(frontier.atMs()).toBe(Number.NEGATIVE_INFINITY);
    frontier.handled(8);
    expect(frontier.atMs()).toBe(100);
  });

  it('moves under steady load, where the last word is always ahead of what is read', () => {
    const frontier = new Frontier(0, ['received.1.0'], 0);
    for (let second = 1; second <= 10; second++) {
      frontier.learn(says('received.1.0', second * 1000, second * 10));
      frontier.handled((second - 1) * 10);
      expect(frontier.atMs()).toBe(second === 1 ? Number.NEGATIVE_INFINITY : (second - 1) * 1000);
    }
  });

  it('keeps in mind how far the predecessor of a source had published', () => {
    const frontier = new Frontier(0, ['received.1.0'], 0);
    frontier.learn(says('received.1.0', 100, 8));
    frontier.learn({ source: 'received.1.0', decidedUpToMs: 200, admittedEnds: {} });
    expect(frontier.atMs()).toBe(Number.NEGATIVE_INFINITY);
    frontier.handled(8);
    expect(frontier.atMs()).toBe(200);
  });

  it('asks nothing of sources of another generation', () => {
    const frontier = new Frontier(0, ['received.2.0'], 0);
    frontier.learn(says('received.1.0', 100, 0));
    expect(frontier.atMs()).toBe(Number.NEGATIVE_INFINITY);
  });

  it('is never past a moment whose events are not all read, in whatever order things are learnt', () => {
    const step = fc.record({ source: fc.nat(1), publishes: fc.nat(3), reads: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const frontier = new Frontier(0, SOURCES, 0);
        const published: { offset: number; receivedAtMs: number }[] = [];
        const decidedUpToMs = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
        let handled = 0;
        steps.forEach(({ source, publishes, reads }, time) => {
          for (let i = 0; i < publishes; i++)
            published.push({ offset: published.length, receivedAtMs: time });
          decidedUpToMs[source] = time;
          frontier.learn(says(SOURCES[source]!, time, published.length));
          handled = Math.min(published.length, handled + reads);
          frontier.handled(handled);
          for (const { offset, receivedAtMs } of published)
            if (offset >= handled) expect(frontier.atMs()).toBeLessThanOrEqual(receivedAtMs);
          expect(frontier.atMs()).toBeLessThanOrEqual(Math.min(...decidedUpToMs));
        });
      }),
    );
  });
});
