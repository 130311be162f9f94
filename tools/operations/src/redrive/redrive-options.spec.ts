import { describe, expect, it } from '@jest/globals';
import { parseRedriveOptions } from './redrive-options.ts';

describe('the options of redrive', () => {
  it('refuse a topic without dead letters, with the list of those that have some', () => {
    for (const argv of [[], ['--topic', 'progress.v1'], ['--topic', 'events.inbound.v1.dlq']]) {
      expect(() => parseRedriveOptions(argv)).toThrow(
        /Known are:\n {2}events\.inbound\.v1\n.*contacts\.changed\.v1/s,
      );
    }
  });

  it('say what would be right', () => {
    const topic = ['--topic', 'events.inbound.v1'];
    expect(() => parseRedriveOptions([...topic, '--limit', '0'])).toThrow(/whole number/);
    expect(() => parseRedriveOptions([...topic, '--dry'])).toThrow(/npm run redrive/);
    expect(parseRedriveOptions(['--help'])).toBeUndefined();
  });

  it('are read', () => {
    const argv = '--topic events.inbound.v1 --reason invalid --limit 5 --dry-run --json'.split(' ');
    expect(parseRedriveOptions(argv)).toMatchObject({
      topic: 'events.inbound.v1',
      reason: 'invalid',
      limit: 5,
      dryRun: true,
      again: false,
      json: true,
    });
  });
});
