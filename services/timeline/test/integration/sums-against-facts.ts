import { expect } from '@jest/globals';
import { checkReports } from '../../src/pipeline/check-reports.ts';
import type { TimelineRig } from './timeline-rig.ts';

/** The figures of every organisation of the rig are what its facts say, at this moment. */
export async function expectSumsToBeFacts(rig: TimelineRig): Promise<void> {
  const { differences } = await checkReports(rig.audit(), false);
  expect(differences).toEqual([]);
}
