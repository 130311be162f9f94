/**
 * A B A B …: all sides see the same machine, warm or cold, quiet or busy. Who goes first changes from round to round, so that none
 * always follows another.
 */
export async function interleave<Side extends string, Round>(
  rounds: number,
  sides: Readonly<Record<Side, () => Promise<Round>>>,
): Promise<Record<Side, Round[]>> {
  const names = Object.keys(sides) as Side[];
  const taken = Object.fromEntries(names.map((name) => [name, [] as Round[]])) as Record<Side, Round[]>;
  for (let round = 0; round < rounds; round += 1) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)])
      taken[name].push(await sides[name]());
  }
  return taken;
}
