import { describe, expect, it } from '@jest/globals';
import {
  classifyFault,
  DependencyFault,
  describeError,
  PoisonMessage,
  PublisherFull,
  PublishTimeout,
} from './faults.ts';

const withCode = (code: string, name = 'Error') => Object.assign(new Error('x'), { code, name });

describe('classifyFault', () => {
  it.each([
    ['our own', new DependencyFault('away')],
    ['a full publisher', new PublisherFull('full')],
    ['an unacknowledged publish', new PublishTimeout('late')],
    ['a refused connection', withCode('ECONNREFUSED')],
    ['a reset connection', withCode('ECONNRESET')],
    ['a name that does not resolve', withCode('EAI_AGAIN')],
    ['Postgres that shuts down', withCode('57P01')],
    ['Postgres that starts', withCode('57P03')],
    ['a statement timeout', withCode('57014')],
    ['a lost Postgres connection', withCode('08006')],
    ['a full Postgres', withCode('53300')],
    ['a deadlock', withCode('40P01')],
    ['a serialisation failure', withCode('40001')],
    ['a lock that could not be had', withCode('55P03')],
    ['pg without its connection', new Error('Connection terminated unexpectedly')],
    ['a pool that has none to give', new Error('timeout exceeded when trying to connect')],
    [
      'Redis that loads',
      Object.assign(new Error('LOADING Redis is loading the dataset'), { name: 'ReplyError' }),
    ],
    ['Redis that is a replica', Object.assign(new Error("READONLY You can't write"), { name: 'ReplyError' })],
    ['Redis that is full', Object.assign(new Error('OOM command not allowed'), { name: 'ReplyError' })],
    ['ioredis that gave up', Object.assign(new Error('x'), { name: 'MaxRetriesPerRequestError' })],
    ['ioredis without a connection', new Error('Connection is closed.')],
    ['an aborted call', AbortSignal.timeout(0).reason ?? new DOMException('x', 'TimeoutError')],
    ['kafkajs', Object.assign(new Error('x'), { name: 'KafkaJSConnectionError' })],
    ['both addresses of a host', new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')])],
    ['one that wraps it', new Error('could not save', { cause: withCode('ECONNRESET') })],
  ])('waits for %s', (_what, error) => {
    expect(classifyFault(error)).toEqual({ kind: 'dependency' });
  });

  it.each([
    ['a bug', new TypeError('x is not a function')],
    ['a value that does not fit', withCode('22001')],
    ['a duplicate', withCode('23505')],
    ['a syntax error', withCode('42601')],
    [
      'a wrong Redis command',
      Object.assign(new Error('ERR wrong number of arguments'), { name: 'ReplyError' }),
    ],
    ['no error at all', undefined],
    ['a string', 'boom'],
  ])('does not wait for %s', (_what, error) => {
    expect(classifyFault(error)).toEqual({ kind: 'unknown' });
  });

  it('finds the poison message, also inside another error', () => {
    const poison = new PoisonMessage(7, 'bad_json', 'unexpected token');
    const expected = { kind: 'poison', offset: 7, reason: 'bad_json', detail: 'unexpected token' };
    expect(classifyFault(poison)).toEqual(expected);
    expect(classifyFault(new Error('decode', { cause: poison }))).toEqual(expected);
  });

  it('ends on causes that go in a circle', () => {
    const first = new Error('first');
    first.cause = new Error('second', { cause: first });
    expect(classifyFault(first)).toEqual({ kind: 'unknown' });
  });
});

describe('describeError', () => {
  it('says something of everything', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    expect(describeError(new TypeError('no'))).toBe('TypeError: no');
    expect(describeError({ status: 'error' })).toBe('{"status":"error"}');
    expect(describeError('text')).toBe('text');
    expect(describeError(circular)).toBe('[object Object]');
  });
});
