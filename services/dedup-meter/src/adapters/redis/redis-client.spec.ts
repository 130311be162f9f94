import { describe, expect, it } from '@jest/globals';
import { together, type RedisCommand } from './redis-client.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const get = (key: string): RedisCommand => ['get', key];

describe('those who send in one turn of the event loop', () => {
  it('share a pipeline, and each has its own replies, errors among them', async () => {
    const sent: (readonly RedisCommand[])[] = [];
    const refused = new Error('NOSCRIPT');
    const send = together((commands) => {
      sent.push(commands);
      return Promise.resolve(commands.map(([, key]) => (key === 'b' ? refused : `value of ${key}`)));
    });
    const replies = Promise.all([send([get('a'), get('b')]), send([]), send([get('c')])]);
    expect(sent).toEqual([]);
    expect(await replies).toEqual([['value of a', refused], [], ['value of c']]);
    expect(sent).toEqual([[get('a'), get('b'), get('c')]]);
    expect(await send([get('d')])).toEqual(['value of d']);
    expect(sent).toHaveLength(2);
  });

  it('do not wait for those of an earlier turn', async () => {
    const sent: (readonly RedisCommand[])[] = [];
    const send = together((commands) => {
      sent.push(commands);
      return new Promise(() => undefined);
    });
    void send([get('a')]);
    await turn();
    void send([get('b')]);
    await turn();
    expect(sent).toEqual([[get('a')], [get('b')]]);
  });

  it('all hear that Redis was lost', async () => {
    const send = together(() => Promise.reject(new Error('Connection is closed.')));
    const outcomes = await Promise.allSettled([send([get('a')]), send([get('b')])]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
