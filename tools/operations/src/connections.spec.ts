import { describe, expect, it } from '@jest/globals';
import { addressesOf } from './connections.ts';
import { toTable } from './table.ts';

describe('where things are', () => {
  it('is told by variables, and what is missing is named', () => {
    const env = { KAFKA_BROKERS: 'k:1', TOPIC_PREFIX: 'p.', STACK_FILE: '/nowhere/stack.json' };
    expect(addressesOf(['kafkaBrokers'], env)).toEqual({ kafkaBrokers: 'k:1', topicPrefix: 'p.' });
    expect(() => addressesOf(['kafkaBrokers', 'databaseUrl'], env)).toThrow(
      /^DATABASE_URL not set.*npm start/,
    );
  });
});

describe('a table', () => {
  it('has columns of equal width, numbers to the right', () => {
    expect(
      toTable(
        ['what', 'count', 'why'],
        [
          ['a', 5, 'x y'],
          ['longer', 1234567, 'z'],
        ],
      ),
    ).toBe(['what    count    why', 'a             5  x y', 'longer  1234567  z'].join('\n'));
  });
});
