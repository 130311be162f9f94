/** `npm run redrive`: what lies in the dead letters of a topic, and back with it. */
import { addressesOf, kafkaOf } from '../connections.ts';
import { runCommand } from '../run-command.ts';
import { toTable } from '../table.ts';
import { parseRedriveOptions, REDRIVE_USAGE } from './redrive-options.ts';
import { redrive, type RedriveReport } from './redrive.ts';

const MAX_DETAIL_CHARACTERS = 100;

await runCommand(async (argv) => {
  const options = parseRedriveOptions(argv);
  if (!options) {
    console.log(REDRIVE_USAGE);
    return 0;
  }
  const report = await redrive(kafkaOf(addressesOf(['kafkaBrokers'])), options);
  console.log(options.json ? JSON.stringify(report, null, 2) : toText(report, options.dryRun ?? false));
  return report.failed.length > 0 ? 1 : 0;
});

function toText(
  { topic, counts, letters, sentBefore, strange, sent, failed }: RedriveReport,
  dryRun: boolean,
): string {
  const lines: string[] = [];
  if (letters === 0) lines.push(`No dead letters of ${topic} that are to be sent back.`);
  else {
    const rows = counts.map(({ reason, group, letters: count, latest }) => {
      const { partition, offset } = latest.source;
      return [reason, group, count, `${partition}/${offset}`, latest.detail.slice(0, MAX_DETAIL_CHARACTERS)];
    });
    lines.push(toTable(['reason', 'group', 'letters', 'latest', 'which says'], rows), '');
    lines.push(
      dryRun
        ? `${letters} dead letters of ${topic}. Nothing was sent.`
        : `${sent} of ${letters} dead letters were sent back to ${topic}.`,
    );
  }
  const lackingBody = counts.reduce((sum, count) => sum + count.lackingBody, 0);
  if (lackingBody > 0)
    lines.push(
      `${lackingBody} have no body with them, it was too large, and stay: see docs/runbooks/dead-letters.md.`,
    );
  if (sentBefore > 0) lines.push(`${sentBefore} were sent back before; --again sends them once more.`);
  if (strange > 0) lines.push(`${strange} messages in ${topic}.dlq are not dead letters of ours.`);
  for (const { letter, error } of failed) lines.push(`NOT SENT ${letter}: ${error}`);
  return lines.join('\n');
}
