import { describe, expect, it } from '@jest/globals';
import { argumentsOfARound } from './soak.ts';

describe('a round of the soak', () => {
  it('leaves out what takes all the time, unless it is named', () => {
    const leftOut = '--testPathIgnorePatterns=a-million-timers';
    expect(argumentsOfARound([])).toEqual([leftOut]);
    expect(argumentsOfARound(['services/trigger', '-t', 'a wait ends once'])).toEqual([
      ...['services/trigger', '-t', 'a wait ends once'],
      leftOut,
    ]);
    for (const named of [
      ['services/trigger', '-t', 'a million timers'],
      ['a-million-timers'],
      ['-t=a-million-timers'],
    ])
      expect(argumentsOfARound(named)).toEqual(named);
  });
});
