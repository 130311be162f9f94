import { describe, expect, it } from '@jest/globals';
import { PROTOCOLS, type Frame } from './fault-proxy-frames.ts';

const command = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

const told = (frames: readonly Frame[]) =>
  frames.map(({ exchange, moment, isLast }) => [exchange, moment, isLast]);

function postgresMessage(letter: string, text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function kafkaFrame(correlation: number, apiKey?: number): Buffer {
  const bytes = Buffer.alloc(apiKey === undefined ? 10 : 14);
  bytes.writeInt32BE(bytes.length - 4);
  if (apiKey !== undefined) bytes.writeInt16BE(apiKey, 4);
  bytes.writeInt32BE(correlation, apiKey === undefined ? 4 : 8);
  return bytes;
}

describe('the frames of Redis', () => {
  it('tell judging from seeding and remembering, by the keys', () => {
    const questions = PROTOCOLS.redis.questions();
    const text = [
      command('evalsha', 'sha', '2', 'tl:{o}:m:2026-11', 'tl:{o}:e:x', '1'),
      command('evalsha', 'sha', '1', 'tl:{o}:m:2026-11', '1'),
      command('evalsha', 'sha', '1', 'tl:{o}:u:x', '1'),
      command('get', 'x'),
    ].join('');
    expect(told(questions(Buffer.from(text)))).toEqual([
      [0, 'judge', true],
      [1, 'seed', true],
      [2, 'remember', true],
      [3, undefined, true],
    ]);
  });

  it('are whole however the bytes arrive', () => {
    const answers = PROTOCOLS.redis.answers();
    const bytes = Buffer.from('*2\r\n$-1\r\n*2\r\n:1\r\n$5\r\na\r\nbc\r\n+OK\r\n');
    const frames = [...bytes].flatMap((byte) => answers(Buffer.from([byte])));
    expect(frames.map(({ bytes: one }) => one.toString())).toEqual([
      '*2\r\n$-1\r\n*2\r\n:1\r\n$5\r\na\r\nbc\r\n',
      '+OK\r\n',
    ]);
  });
});

describe('the frames of Postgres', () => {
  it('belong together up to the point where the server is ready again', () => {
    const { questions, answers } = {
      questions: PROTOCOLS.postgres.questions(),
      answers: PROTOCOLS.postgres.answers(),
    };
    const startup = Buffer.alloc(12);
    startup.writeInt32BE(12);
    const asked = [
      startup,
      postgresMessage('P', 'commit_verdicts'),
      postgresMessage('B', 'x'),
      postgresMessage('S', ''),
    ];
    expect(told(asked.flatMap((one) => questions(one)))).toEqual([
      [0, undefined, true],
      [1, 'commit', false],
      [1, undefined, false],
      [1, undefined, true],
    ]);
    const answered = ['R', 'Z', '1', '2', 'C', 'Z'].map((letter) => postgresMessage(letter, 'x'));
    expect(told(answered.flatMap((one) => answers(one)))).toEqual([
      [0, undefined, false],
      [0, undefined, true],
      [1, undefined, false],
      [1, undefined, false],
      [1, undefined, false],
      [1, undefined, true],
    ]);
  });
});

describe('the frames of Kafka', () => {
  it('are matched by their correlation', () => {
    const questions = PROTOCOLS.kafka.questions();
    const both = Buffer.concat([kafkaFrame(7, 0), kafkaFrame(8, 8)]);
    expect(told([...questions(both.subarray(0, 9)), ...questions(both.subarray(9))])).toEqual([
      [7, 'publish', true],
      [8, 'offsets', true],
    ]);
    expect(told(PROTOCOLS.kafka.answers()(kafkaFrame(8)))).toEqual([[8, undefined, true]]);
  });
});
