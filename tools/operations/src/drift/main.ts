/** `npm run drift`: what Redis, the ledger and the timeline have counted, and where they differ. */
import { addressesOf } from '../connections.ts';
import { runCommand } from '../run-command.ts';
import { toTable } from '../table.ts';
import { DRIFT_USAGE, parseDriftOptions } from './drift-options.ts';
import { drift, type DriftOutcome } from './drift.ts';

await runCommand(async (argv) => {
  const options = parseDriftOptions(argv, Date.now());
  if (!options) {
    console.log(DRIFT_USAGE);
    return 0;
  }
  const outcome = await drift(addressesOf(['kafkaBrokers', 'databaseUrl', 'redisUrl']), options);
  console.log(options.json ? JSON.stringify(outcome, null, 2) : toText(outcome));
  return outcome.differs ? 1 : 0;
});

const signed = (difference: number): string => (difference > 0 ? `+${difference}` : String(difference));

function toText({
  month,
  organizations,
  differences,
  late,
  timelineBehind,
  notInRedis,
  repaired,
}: DriftOutcome): string {
  const lines: string[] = [];
  if (differences.length > 0) {
    const rows = differences.map((one) => [
      one.organizationId,
      one.ledger,
      one.redis ?? '-',
      signed(one.redisDifference),
      one.timeline,
      signed(one.timelineDifference),
    ]);
    const head = ['organization', 'ledger', 'redis', 'differs by', 'timeline', 'differs by'];
    lines.push(toTable(head, rows), '');
  }
  lines.push(
    `${month}: ${organizations} organisations, ${differences.length} differ. ` +
      `Redis holds ${organizations - notInRedis} of them; the others are filled from the ledger when they are needed.`,
  );
  if (timelineBehind > 0) {
    lines.push(
      `The timeline is ${timelineBehind} messages behind, which is no drift (${late.length} organisations).`,
    );
  }
  const redisDiffers = differences.some(({ redisDifference }) => redisDifference !== 0);
  if (repaired) {
    lines.push(
      'The epoch was ended: what Redis held is void, and it is filled from the ledger. Run this once more to see it.',
    );
  } else if (repaired === false) lines.push('Redis does not differ: nothing was repaired.');
  else if (redisDiffers) lines.push('Redis is derived from the ledger: --repair has it filled anew.');
  if (differences.some(({ timelineDifference }) => timelineDifference !== 0)) {
    lines.push('The timeline is not repaired from here: see docs/runbooks/drift.md.');
  }
  return lines.join('\n');
}
