import { describe, expect, it } from '@jest/globals';
import { addressesOf, parseReplayOptions } from './replay-options.ts';

describe('the options of a replay', () => {
  it('name a channel and a range of moments', () => {
    const argv = ['--channel', 'c', '--from', '2026-11-01', '--to', '2026-11-02T10:00:00+01:00', '--dry-run'];
    expect(parseReplayOptions(argv)).toEqual({
      channelId: 'c',
      fromMs: Date.UTC(2026, 10, 1),
      toMs: Date.UTC(2026, 10, 2, 9),
      dryRun: true,
    });
    expect(parseReplayOptions(['--channel', 'c'])).toEqual({ channelId: 'c', dryRun: false });
    expect(parseReplayOptions(['--help'])).toBeUndefined();
  });

  it.each([
    [[], '--channel is needed'],
    [['--channel', 'c', '--from', 'yesterday'], '--from is "yesterday"'],
    [['--channel', 'c', '--to', '2026-11-02T10:00:00'], '--to is'],
    [['--channel', 'c', '--to', '2026-13-40'], '--to is'],
    [['--nonsense'], 'npm run replay-webhooks'],
  ])('%j are not right: %s', (argv, message) => expect(() => parseReplayOptions(argv)).toThrow(message));
});

describe('the addresses', () => {
  it('are taken from the environment, and asked for when there are none', () => {
    expect(addressesOf({ DATABASE_URL: 'd', KAFKA_BROKERS: 'k' })).toEqual({
      databaseUrl: 'd',
      kafkaBrokers: 'k',
    });
    expect(() => addressesOf({ STACK_FILE: '/nowhere/stack.json' })).toThrow('npm start');
  });
});
