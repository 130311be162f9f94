import { describe, expect, it } from '@jest/globals';
import { isConnectionFault, isContention, isDataFault, isUniqueViolation } from './faults.ts';

const withCode = (code: string): Error => Object.assign(new Error('failed'), { code });

describe('what kind of trouble an error is', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', '57P01', '08006', '53300', '25006'])(
    '%s: the server is away',
    (code) => {
      expect(isConnectionFault(withCode(code))).toBe(true);
      expect(isDataFault(withCode(code))).toBe(false);
    },
  );

  it.each([
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
  ])('"%s" (without a code): the server is away', (message) => {
    expect(isConnectionFault(new Error(message))).toBe(true);
  });

  it('sees a refused connection behind the several addresses of a host', () => {
    expect(isConnectionFault(new AggregateError([withCode('ECONNREFUSED'), withCode('ENETUNREACH')]))).toBe(
      true,
    );
  });

  it('tells the data from the database', () => {
    expect(isUniqueViolation(withCode('23505'))).toBe(true);
    expect(isDataFault(withCode('23505'))).toBe(true);
    expect(isDataFault(withCode('22021'))).toBe(true);
    expect(isDataFault(withCode('42P01'))).toBe(false);
    expect(isContention(withCode('40P01'))).toBe(true);
  });

  it('takes anything that can be thrown', () => {
    for (const thrown of [undefined, null, 'text', 7, {}, { code: 22 }]) {
      expect([isConnectionFault(thrown), isDataFault(thrown), isContention(thrown)]).toEqual([
        false,
        false,
        false,
      ]);
    }
  });
});
