import pg from 'pg';

const { builtins } = pg.types;
type TypeParsers = pg.CustomTypesConfig;

/** Counters and offsets are numbers everywhere in the code; one past 2^53 must not be rounded in silence. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`bigint ${text} is not a safe integer of JavaScript`);
  return value;
}

/** pg's own parsers, but: `bigint` is a number, and `date` stays text (pg makes it local midnight, another day in UTC). */
export const typeParsers: TypeParsers = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary') {
      if (oid === builtins.INT8) return parseInt8;
      if (oid === builtins.DATE) return (text: string) => text;
    }
    return pg.types.getTypeParser(oid, format as 'text');
  }) as TypeParsers['getTypeParser'],
};
