import { createPool } from '@trackline/postgres';
import { reportAudit } from './adapters/postgres/attribution/report-audit.ts';
import { checkReports } from './pipeline/check-reports.ts';

/** Holds the sums of the reports against the facts: 0 when they are equal or were mended (`--repair`), 1 when they differ. Nothing has to be stopped. */
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const SHOWN = 20;
const STATEMENT_TIMEOUT_MS = 600_000;

const databaseUrl = process.env.DATABASE_URL;
const options = process.argv.slice(2);
if (!databaseUrl || options.some((option) => option !== '--repair')) {
  say('DATABASE_URL=postgres://user:password@host:port/database npm run reports-check [-- --repair]');
  process.exit(78);
}
const database = createPool({
  databaseUrl,
  max: 2,
  applicationName: 'reports-check',
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
});
try {
  const { organizations, differences, rebuilt, left } = await checkReports(
    reportAudit(database),
    options.includes('--repair'),
  );
  for (const { organizationId, day, place, figure, facts, sums } of differences.slice(0, SHOWN)) {
    say(`${organizationId} ${day} ${place}: ${figure} is ${sums}, the facts say ${facts}`);
  }
  say(
    `${organizations} organisations, ${differences.length} differences, ${rebuilt} days made again, ${left} differences left.`,
  );
  if (left > 0) process.exitCode = 1;
} finally {
  await database.close();
}
