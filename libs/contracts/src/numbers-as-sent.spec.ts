import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  MAX_NUMBER_CHARACTERS,
  numbersAsSent,
  numbersAt,
  stringifyAsSent,
  type NumbersAsSent,
} from './numbers-as-sent.ts';

/** A JSON text as it may come, and the same with each number as a string that says so. */
interface Written {
  readonly json: string;
  readonly marked: string;
}

const spaces = fc.constantFrom('', '', '', ' ', '\n  ', '\t', '\r\n');
const digits = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: min, maxLength: max });
const whole = fc.oneof(
  fc.constant('0'),
  fc.tuple(fc.constantFrom(...'123456789'), digits(0, 25)).map(([first, rest]) => first + rest),
);
const written = fc
  .tuple(
    fc.constantFrom('', '', '-'),
    whole,
    fc.option(digits(1, 12), { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), digits(1, 3)), {
      nil: undefined,
      freq: 4,
    }),
  )
  .map(
    ([sign, integer, fraction, exponent]) =>
      `${sign}${integer}${fraction === undefined ? '' : `.${fraction}`}${exponent ? exponent.join('') : ''}`,
  );
const numberText = fc.oneof(
  written,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((double) => JSON.stringify(double)),
  fc.integer().map(String),
  fc.constantFrom('10.50', '1.0', '-0', '0.0', '9007199254740993', '1e3', '0.0000001', '1e400', '1e-20000'),
);
const NUMBER_MARK = '#';
const asNumber = numberText.map((text): Written => ({ json: text, marked: `"${NUMBER_MARK}${text}"` }));
/** Some escaped where they need not be. */
const quoted = (text: string, escapes: boolean) =>
  escapes ? `"${text.split('').map(escaped).join('')}"` : JSON.stringify(text);
const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('10.50', ': 1.0, ', '\\', '"', '{"a":1.0}', 'a.b', '0', '1e3'),
);
const asString = anyText.map((text): Written => ({
  json: quoted(text, false),
  marked: quoted(`$${text}`, false),
}));
const key = fc.tuple(
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b', 'a.b', '0', 'é"\\', 'toString') }, anyText),
  fc.boolean(),
);
const { value: anyJson } = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    asNumber,
    asString,
    fc.constantFrom('true', 'false', 'null').map((word): Written => ({ json: word, marked: word })),
    fc.array(fc.tuple(tie('value'), spaces), { maxLength: 4 }).map((items): Written => ({
      json: `[${items.map(([item, space]) => space + item.json + space).join(',')}]`,
      marked: `[${items.map(([item]) => item.marked).join(',')}]`,
    })),
    // Keys may come twice.
    fc.array(fc.tuple(key, tie('value'), spaces), { maxLength: 5 }).map((members): Written => ({
      json: `{${members.map(([[name, escapes], item, space]) => `${space}${quoted(name, escapes)}${space}:${space}${item.json}`).join(',')}}`,
      marked: `{${members.map(([[name], item]) => `${quoted(name, false)}:${item.marked}`).join(',')}}`,
    })),
  ),
}));
const anyObject = anyJson.map((inner): Written => ({
  json: `{"x":${inner.json} }`,
  marked: `{"x":${inner.marked}}`,
}));

const isNoted = (text: string): boolean => {
  const double = Number(text);
  if (text.length > MAX_NUMBER_CHARACTERS) return false;
  if (/e/i.test(text)) return Number.isFinite(double) && double !== 0;
  return String(double) !== text;
};

/** The slow and simple way: JSON.parse of the marked text knows which keys count. */
function expected(marked: unknown): NumbersAsSent | string | undefined {
  if (typeof marked === 'string')
    return marked.startsWith(NUMBER_MARK) && isNoted(marked.slice(1)) ? marked.slice(1) : undefined;
  if (typeof marked !== 'object' || marked === null) return undefined;
  const found = Object.entries(marked).flatMap(([name, inner]) => {
    const noted = expected(inner);
    return noted === undefined ? [] : [[name, noted] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Each number as the text that stands for it when nothing is noted, or the text that is. */
function textsOf(value: unknown, numbers: NumbersAsSent | string | undefined): unknown {
  if (typeof value === 'number')
    return typeof numbers === 'string'
      ? numbers
      : Number.isFinite(value)
        ? JSON.stringify(value)
        : 'infinite';
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item, at) => textsOf(item, numbersAt(numbers, at)));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, textsOf(inner, numbersAt(numbers, name))]),
  );
}

describe('numbers as they were sent', () => {
  it('are those that a double does not give back, each under its keys', () => {
    const json = `{"total": 10.50, "id":9007199254740993, "n":3, "half":0.5, "text":"10.50",
      "items":[{"price":1.0},{"price":2},{"price":2.25}, 7.10],"a.b":{"c\\u0064":1E5}, "none":-0, "small":0.0000001}`;
    expect({ ...numbersAsSent(json) }).toEqual({
      total: '10.50',
      id: '9007199254740993',
      items: { 0: { price: '1.0' }, 3: '7.10' },
      'a.b': { cd: '1E5' },
      none: '-0',
      small: '0.0000001',
    });
  });

  it('are found in any JSON, and nothing else is', () => {
    fc.assert(
      fc.property(anyObject, ({ json, marked }) => {
        expect(numbersAsSent(json)).toEqual(expected(JSON.parse(marked)));
      }),
      { numRuns: 500 },
    );
  });

  it('are written again as they were, whatever stands around them', () => {
    fc.assert(
      fc.property(anyObject, ({ json }) => {
        const value: unknown = JSON.parse(json);
        const numbers = numbersAsSent(json);
        const again = stringifyAsSent(value, numbers);
        expect(JSON.stringify(JSON.parse(again))).toBe(JSON.stringify(value));
        expect(textsOf(JSON.parse(again), numbersAsSent(again))).toEqual(
          textsOf(JSON.parse(JSON.stringify(value)), numbers),
        );
        expect(stringifyAsSent(JSON.parse(again), numbersAsSent(again))).toBe(again);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['{"a":"10.50"}'],
    ['{"a":"x: 10.50, "}'],
    ['{"at":"2026-11-20T10:00:00.000Z","id":"0193a5f2-7e10-7b1a-9d53-3f0c2a9e4b11"}'],
    ['{"a":[1,2.5,-3,0,100,1749069131000,0.000001]}'],
    ['{"10.50":1}'],
    ['{"\\"":"\\\\","b":"\\\\\\", 1.0"}'],
    [`{"a":1e400,"b":1e-400,"c":0e5,"d":1e-20000}`],
    [`{"a":1${'0'.repeat(MAX_NUMBER_CHARACTERS)}}`],
    ['[]'],
    ['10.50'],
  ])('are none in %s', (json) => expect(numbersAsSent(json)).toBeUndefined());

  it('of a key that comes twice are those of the last', () => {
    expect(numbersAsSent('{"a":1.0,"a":2}')).toBeUndefined();
    expect(numbersAsSent('{"a":1.0,"\\u0061":"1.0"}')).toBeUndefined();
    expect(numbersAsSent('{"a":{"x":1.0},"a":{"y":2.0}}')).toEqual({ a: { y: '2.0' } });
    expect(numbersAsSent('{"a":[1.0],"a":{}}')).toBeUndefined();
    expect(numbersAsSent('{"a":2,"a":3.0}')).toEqual({ a: '3.0' });
  });

  it('under the name of the prototype touch none', () => {
    const numbers = numbersAsSent('{"__proto__":{"polluted":1.0},"constructor":2.0}');
    expect(Object.keys(numbers!)).toEqual(['__proto__', 'constructor']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(numbersAt(numbersAsSent('{"a":1.0}'), 'toString')).toBeUndefined();
  });

  it('are as many as is said, and as deep as properties may be', () => {
    const json = `[${'1.0,'.repeat(10)}1.0]`;
    expect(Object.keys(numbersAsSent(json, 4)!)).toEqual(['0', '1', '2', '3']);
    expect(numbersAsSent(`${'['.repeat(16)}1.0${']'.repeat(16)}`)).toBeDefined();
    expect(numbersAsSent(`[2.0,${'['.repeat(16)}1.0${']'.repeat(16)},3.0]`)).toEqual({ 0: '2.0', 2: '3.0' });
    const deep = 500_000;
    expect(numbersAsSent(`${'['.repeat(deep)}1.0${']'.repeat(deep)}`)).toBeUndefined();
  });

  it('are not written where something else stands now', () => {
    expect(stringifyAsSent({ value: '49.90', n: 2 }, { value: '49.9000', n: '1.0', gone: '3.0' })).toBe(
      '{"value":"49.90","n":2}',
    );
  });
});
