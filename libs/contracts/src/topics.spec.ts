import { describe, expect, it } from '@jest/globals';
import { partitionsOf, topics } from './topics.ts';

describe('topics', () => {
  it('are declared once each', () => {
    const names = topics.map((topic) => topic.name);
    expect(new Set(names).size).toBe(names.length);
  });

  it('have a dead-letter topic of the same partitions for each that a group consumes', () => {
    for (const name of [
      'events.inbound.v1',
      'events.received.v1',
      'events.admitted.v1',
      'events.refused.v1',
      'executions.progressed.v1',
      'contacts.changed.v1',
      'conversations.touched.v1',
      'actions.requested.v1',
      'actions.completed.v1',
    ]) {
      const [source, letters] = [name, `${name}.dlq`].map((wanted) =>
        topics.find((topic) => topic.name === wanted)!,
      );
      const counts = { contact: 6, outcome: 16 };
      expect(partitionsOf(letters!, counts)).toBe(partitionsOf(source!, counts));
    }
  });

  it('take the moment of receipt from the broker where events enter, and nowhere else', () => {
    const stamped = topics
      .filter((topic) => topic.timestampType === 'LogAppendTime')
      .map((topic) => topic.name);
    expect(stamped.sort()).toEqual(['events.inbound.v1', 'events.received.v1']);
  });
});
