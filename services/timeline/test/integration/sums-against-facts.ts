import { expect } from '@jest/globals';
import { reportAudit } from '../../src/adapters/postgres/attribution/report-audit.ts';
import { checkReports } from '../../src/pipeline/check-reports.ts';
import type { TimelineRig } from './timeline-rig.ts';

/** The sums of every organisation of the rig are what its facts add up to, at this moment. */
export async function expectSumsToBeFacts(rig: TimelineRig): Promise<void> {
  const { differences } = await checkReports(reportAudit(rig.database), false);
  expect(differences).toEqual([]);
}
