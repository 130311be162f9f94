/**
 * The numbers of a JSON value that a double would not give back as they were written (`10.50`, `9007199254740993`, `1e3`), each with its
 * text, under the keys that lead to it; `{items: [{price: 10.50}]}` has `{items: {0: {price: '10.50'}}}`. What is not there is what
 * `String` makes of the double.
 */
export interface NumbersAsSent {
  readonly [key: string]: string | NumbersAsSent;
}

/** Longer ones are doubles: no price, and no id, has so many characters. */
export const MAX_NUMBER_CHARACTERS = 40;
/** As deep as the properties of an event in a batch may be. */
const MAX_LEVELS = 16;
/** More are doubles from there on: a hundred for each event of a full batch. */
const MAX_NUMBERS = 100_000;

/**
 * Whether some number may be among them, at a fraction of the cost of JSON.parse: a digit that begins a number, and then a fraction that ends in zero,
 * an exponent, sixteen digits, something that String would give an exponent, or minus zero. Text in a string may look like that, too.
 */
const MAY_DIFFER =
  /\d(?<=[:,[\s]-?\d)(?:\d*(?:\.\d*0[\s,}\]]|(?:\.\d+)?[eE][-+\d])|[\d.]{15}|\.0{6}|(?<=-0)[\s,}\]])/;

/** Those of a text that JSON.parse has taken. Of a key that is there twice, the last counts, as it does there. */
export function numbersAsSent(json: string, most = MAX_NUMBERS): NumbersAsSent | undefined {
  return MAY_DIFFER.test(json) ? scan(json, most) : undefined;
}

/** Those of the value at a key. */
export function numbersAt(
  numbers: NumbersAsSent | string | undefined,
  key: string | number,
): NumbersAsSent | string | undefined {
  return typeof numbers === 'object' && Object.hasOwn(numbers, key) ? numbers[key] : undefined;
}

/** JSON.stringify, with the numbers as they were sent wherever the value still has them. The value is one that came of JSON. */
export function stringifyAsSent(value: unknown, numbers: NumbersAsSent | string | undefined): string {
  if (typeof numbers === 'string' && typeof value === 'number' && Number(numbers) === value) return numbers;
  if (typeof numbers !== 'object' || typeof value !== 'object' || value === null)
    return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((item, index) => stringifyAsSent(item, numbersAt(numbers, index))).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => `${JSON.stringify(key)}:${stringifyAsSent(inner, numbersAt(numbers, key))}`);
  return `{${members.join(',')}}`;
}

/** An array or object that has begun and not ended yet. */
interface Level {
  readonly isArray: boolean;
  index: number;
  /** Where the text of the present key stands, with its quotes; and whether one is to come. */
  keyFrom: number;
  keyTo: number;
  keyComes: boolean;
  found: Record<string, string | NumbersAsSent> | undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENS_ARRAY = 0x5b;
const CLOSES_ARRAY = 0x5d;
const OPENS_OBJECT = 0x7b;
const CLOSES_OBJECT = 0x7d;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** One look at each character, without recursion: a body may be nothing but brackets. */
function scan(json: string, most: number): NumbersAsSent | undefined {
  const levels: Level[] = [];
  let level: Level | undefined;
  let deeper = 0;
  let left = most;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(json, at);
      if (deeper === 0 && level?.keyComes) startMember(json, level, at, end + 1);
      at = end;
    } else if (code === COMMA) {
      if (deeper > 0 || !level) continue;
      if (level.isArray) level.index++;
      else level.keyComes = true;
    } else if (code === OPENS_ARRAY || code === OPENS_OBJECT) {
      if (levels.length === MAX_LEVELS) {
        deeper++;
        continue;
      }
      const isArray = code === OPENS_ARRAY;
      level = { isArray, index: 0, keyFrom: 0, keyTo: 0, keyComes: !isArray, found: undefined };
      levels.push(level);
    } else if (code === CLOSES_ARRAY || code === CLOSES_OBJECT) {
      if (deeper > 0) {
        deeper--;
        continue;
      }
      const found = foundIn(levels.pop());
      level = levels.at(-1);
      if (!level) return found;
      if (found) note(json, level, found);
    } else if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(json, at);
      if (deeper === 0 && level && left > 0 && end - at <= MAX_NUMBER_CHARACTERS) {
        const text = json.slice(at, end);
        if (isToBeNoted(text)) {
          left--;
          note(json, level, text);
        }
      }
      at = end - 1;
    }
  }
  return undefined;
}

/** What was noted under the same key before does not count any more. */
function startMember(json: string, level: Level, from: number, to: number): void {
  level.keyFrom = from;
  level.keyTo = to;
  level.keyComes = false;
  if (level.found) delete level.found[keyOf(json, level)];
}

/** Nothing, when all that was noted has been overwritten. */
function foundIn(level: Level | undefined): NumbersAsSent | undefined {
  for (const _ in level?.found) return level.found;
  return undefined;
}

function note(json: string, level: Level, noted: string | NumbersAsSent): void {
  // Without a prototype: a key may be called whatever it likes.
  level.found ??= Object.create(null) as Record<string, string | NumbersAsSent>;
  level.found[keyOf(json, level)] = noted;
}

const keyOf = (json: string, { isArray, index, keyFrom, keyTo }: Level): string =>
  isArray ? String(index) : (JSON.parse(json.slice(keyFrom, keyTo)) as string);

/** Of its closing quote. */
function endOfString(json: string, from: number): number {
  for (let end = json.indexOf('"', from + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let slashes = 0;
    while (json.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return json.length;
}

/** Digits, and `+ - . E e`. */
function endOfNumber(json: string, from: number): number {
  let end = from + 1;
  for (; end < json.length; end++) {
    const code = json.charCodeAt(end);
    const isPart =
      isDigit(code) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === MINUS;
    if (!isPart) return end;
  }
  return end;
}

const SHORT_INTEGER = /^(?:0|[1-9]\d{0,14})$/;
const EXPONENT = /[eE]/;

/**
 * Always with an exponent, since templates write doubles without one. What is nothing, or no number at all, as a double is no number that
 * Postgres would take, either: `1e-20000`, `1e400`.
 */
function isToBeNoted(text: string): boolean {
  if (SHORT_INTEGER.test(text)) return false;
  const double = Number(text);
  if (!EXPONENT.test(text)) return text !== String(double);
  return Number.isFinite(double) && double !== 0;
}
