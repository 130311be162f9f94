import { describe, expect, it } from '@jest/globals';
import type { Logger } from '@trackline/observability';
import { eventually } from '@trackline/testkit';
import type { KeptPartitions } from '../../ports.ts';
import { RetentionKeeper } from './retention-keeper.ts';

const MADE: KeptPartitions = { made: ['event_2026_11'], dropped: [], failed: [] };
const A_DAY_MS = 86_400_000;
const broken = () => Promise.reject(new Error('canceling statement due to lock timeout'));

function recorded(): { readonly logger: Logger; readonly lines: [string, string][] } {
  const lines: [string, string][] = [];
  const write =
    (level: string) =>
    (_fields: object, message: string): void =>
      void lines.push([level, message]);
  const logger = { info: write('info'), warn: write('warn'), error: write('error') };
  return { logger: logger as unknown as Logger, lines };
}

async function linesOfOneRun(
  keepPartitions: () => Promise<KeptPartitions>,
  sweepFacts: () => Promise<number>,
) {
  const { logger, lines } = recorded();
  const keeper = new RetentionKeeper({ keepPartitions, sweepFacts }, logger, A_DAY_MS);
  keeper.start();
  await eventually(() => lines.length === 2);
  await keeper.stop();
  return lines;
}

describe('a run of the keeper', () => {
  it('tells of the partitions that it made, though old facts could not be removed', async () => {
    expect(await linesOfOneRun(async () => MADE, broken)).toEqual([
      ['info', 'partitions kept'],
      ['error', 'facts past keeping could not be removed, trying again'],
    ]);
  });

  it('removes old facts, though partitions could not be kept', async () => {
    expect(await linesOfOneRun(broken, async () => 3)).toEqual([
      ['error', 'partitions could not be kept, trying again'],
      ['info', 'facts of attribution past keeping removed'],
    ]);
  });
});
