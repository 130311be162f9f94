import type { Scenario } from '../scenario.ts';
import { admission } from './admission.ts';
import { httpBatches } from './http-batches.ts';
import { httpTrack } from './http-track.ts';
import { manyWorkflows } from './many-workflows.ts';
import { memory } from './memory.ts';
import { million } from './million.ts';
import { mixes } from './mixes.ts';
import { noisyNeighbour } from './noisy-neighbour.ts';
import { overload } from './overload.ts';
import { pipeline } from './pipeline.ts';
import { resumes } from './resumes.ts';
import { scaling } from './scaling.ts';
import { singleTrack } from './single-track.ts';
import { starts } from './starts.ts';
import { timelinePages } from './timeline-pages.ts';
import { waitRegistrations } from './wait-registrations.ts';
import { waitsCurve } from './waits-curve.ts';
import { webhookChanges } from './webhook-changes.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  pipeline,
  singleTrack,
  httpTrack,
  httpBatches,
  starts,
  resumes,
  overload,
  noisyNeighbour,
  manyWorkflows,
  admission,
  waitRegistrations,
  waitsCurve,
  mixes,
  scaling,
  million,
  timelinePages,
  webhookChanges,
  memory,
];
