import { isDataFault } from '@trackline/postgres';

export interface Culprit {
  readonly index: number;
  readonly detail: string;
}

/**
 * Finds the first row that the database refuses among rows of which it refused the whole, by halving: ten tries for a thousand rows.
 * `attempt` writes the given rows and takes them back. `undefined`: no row is refused by itself.
 */
export async function findCulprit<Row>(
  rows: readonly Row[],
  attempt: (rows: readonly Row[]) => Promise<void>,
): Promise<Culprit | undefined> {
  let from = 0;
  let to = rows.length;
  while (to - from > 1) {
    const middle = from + Math.floor((to - from) / 2);
    if (await refusal(rows.slice(from, middle), attempt)) to = middle;
    else from = middle;
  }
  const detail = await refusal(rows.slice(from, to), attempt);
  return detail === undefined ? undefined : { index: from, detail };
}

async function refusal<Row>(
  rows: readonly Row[],
  attempt: (rows: readonly Row[]) => Promise<void>,
): Promise<string | undefined> {
  try {
    await attempt(rows);
    return undefined;
  } catch (error) {
    if (!isDataFault(error)) throw error;
    const { message, detail } = error as Error & { detail?: string };
    return detail === undefined ? message : `${message}: ${detail}`;
  }
}
