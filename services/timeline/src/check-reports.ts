import { setTimeout as sleep } from 'node:timers/promises';
import { Directory } from '@trackline/directory';
import { systemClock } from '@trackline/kernel';
import { createPool } from '@trackline/postgres';
import { attributionTerms } from './adapters/directory/attribution-terms.ts';
import { EditionBook } from './adapters/postgres/attribution/edition-book.ts';
import { editionStore } from './adapters/postgres/attribution/edition-store.ts';
import { reportAudit } from './adapters/postgres/attribution/report-audit.ts';
import { factsKeptFrom } from './domain/retention.ts';
import { checkReports } from './pipeline/check-reports.ts';
import { rebuildFigures } from './pipeline/rebuild-figures.ts';

/**
 * Holds the facts of the reports against the timeline, and the figures against the facts: 0 when they agree or were mended (`--repair`), 1 when they differ. With `--rebuild` all
 * figures of orders are made again first, beside those that are read. Nothing has to be stopped.
 */
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const OPTIONS = ['--repair', '--rebuild'];
const SHOWN = 20;
const STATEMENT_TIMEOUT_MS = 600_000;
const LEASE_MS = 30_000;
const LOOK_AGAIN_MS = 250;

const databaseUrl = process.env.DATABASE_URL;
const options = process.argv.slice(2);
if (!databaseUrl || options.some((option) => !OPTIONS.includes(option))) {
  say(
    'DATABASE_URL=postgres://user:password@host:port/database npm run reports-check [-- --repair --rebuild]',
  );
  process.exit(78);
}
const database = createPool({
  databaseUrl,
  max: 2,
  applicationName: 'reports-check',
  statementTimeoutMs: STATEMENT_TIMEOUT_MS,
});
try {
  const book = new EditionBook(database, attributionTerms(new Directory(database)));
  if (options.includes('--rebuild')) {
    const begun = await rebuildFigures(editionStore(database, book), LEASE_MS, () => sleep(LOOK_AGAIN_MS));
    say(`The figures of ${begun} organisations are made again.`);
  }
  const { organizations, found, differences, left } = await checkReports(
    reportAudit(database, book, factsKeptFrom(systemClock.now())),
    options.includes('--repair'),
  );
  for (const { organizationId, day, place, figure, facts, held } of differences.slice(0, SHOWN)) {
    const judge = figure === 'fact' ? 'its event says' : 'the facts say';
    say(`${organizationId} ${day} ${place}: ${figure} is ${held}, ${judge} ${facts}`);
  }
  say(`${organizations} organisations, ${found} differences, ${left} differences left.`);
  if (left > 0) process.exitCode = 1;
} finally {
  await database.close();
}
