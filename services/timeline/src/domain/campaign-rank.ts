/** A place in the order in which a report shows its campaigns: the page goes on strictly below it. */
export interface Rank {
  readonly conversions: number;
  /** Leads and purchases that Meta reported. */
  readonly reported: number;
  readonly conversations: number;
  readonly id: string;
}

/** What a row of a report tells of its campaign. */
interface Ranked {
  readonly id: string;
  readonly conversions: number;
  readonly conversations: number;
  readonly metaLeads: number;
  readonly metaPurchases: number;
}

export const rankOf = (row: Ranked): Rank => ({
  conversions: row.conversions,
  reported: row.metaLeads + row.metaPurchases,
  conversations: row.conversations,
  id: row.id,
});

/** What earned most first, then what had most to do; ids by their bytes, as in the database's `COLLATE "C"`. */
export const byRank = (a: Rank, b: Rank): number =>
  b.conversions - a.conversions ||
  b.reported - a.reported ||
  b.conversations - a.conversations ||
  Buffer.compare(Buffer.from(a.id), Buffer.from(b.id));

export const encodeRank = ({ conversions, reported, conversations, id }: Rank): string =>
  Buffer.from([conversions, reported, conversations, id].join('/')).toString('base64url');

/** `undefined` for a text that `encodeRank` did not make. */
export function decodeRank(cursor: string): Rank | undefined {
  const match = /^(-?\d{1,15})\/(-?\d{1,15})\/(-?\d{1,15})\/([^\0]{1,255})$/su.exec(
    Buffer.from(cursor, 'base64url').toString(),
  );
  if (!match) return undefined;
  const rank = {
    conversions: Number(match[1]),
    reported: Number(match[2]),
    conversations: Number(match[3]),
    id: match[4]!,
  };
  return encodeRank(rank) === cursor ? rank : undefined;
}
