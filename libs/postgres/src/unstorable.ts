/** SQLSTATEs of class 22, see `isDataFault`. */
const INVALID_TEXT = '22P02';
const OUT_OF_RANGE = '22003';
const DATE_OUT_OF_RANGE = '22008';

/** A value that Postgres would refuse, refused before it is sent: with a code of the same class, so that callers take it for the same. */
export class Unstorable extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export const invalid = (type: string, value: string | number): Unstorable =>
  new Unstorable(INVALID_TEXT, `invalid input syntax for type ${type}: "${value}"`);

export const outOfRange = (type: string, value: number | bigint): Unstorable =>
  new Unstorable(OUT_OF_RANGE, `value "${value}" is out of range for type ${type}`);

export const noSuchDate = (value: string): Unstorable =>
  new Unstorable(DATE_OUT_OF_RANGE, `date/time field value out of range: "${value}"`);
