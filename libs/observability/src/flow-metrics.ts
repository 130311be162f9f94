import { BATCH_SIZE_BUCKETS, type Metrics } from './metrics.ts';

/** The instruments of one flow of batches (a topic's, a timer's): how many, how large, how long in each stage, with what outcome. */
export interface FlowMetrics {
  batch(size: number): void;
  /** `outcome` is a value of the flow's closed union: admitted, duplicate, over_limit, started, resumed, … */
  outcome(outcome: string, count?: number): void;
  /** Runs the work and records how long it took, also when it throws. */
  timed<Result>(stage: string, work: () => Promise<Result>): Promise<Result>;
  /** For a stage that is measured by its caller. */
  took(stage: string, seconds: number): void;
}

export function flowMetrics(metrics: Metrics, flow: string): FlowMetrics {
  const sizes = metrics.histogram('batch_size', 'Messages in a batch.', ['flow'], BATCH_SIZE_BUCKETS);
  const durations = metrics.histogram('stage_duration_seconds', 'Time that a batch spent in a stage.', [
    'flow',
    'stage',
  ]);
  const outcomes = metrics.counter('outcomes_total', 'Events by what became of them.', ['flow', 'outcome']);
  const took = (stage: string, seconds: number) => durations.observe({ flow, stage }, seconds);
  return {
    batch: (size) => sizes.observe({ flow }, size),
    outcome: (outcome, count = 1) => {
      if (count > 0) outcomes.inc({ flow, outcome }, count);
    },
    timed: async (stage, work) => {
      const startedAt = performance.now();
      try {
        return await work();
      } finally {
        took(stage, (performance.now() - startedAt) / 1000);
      }
    },
    took,
  };
}

export interface HttpAnswer {
  /** The route's pattern or id, never the path that was asked for: that has ids in it. */
  route: string;
  method: string;
  status: number;
  seconds: number;
}

/** A function to call once per answered request. */
export function httpMetrics(metrics: Metrics): (answer: HttpAnswer) => void {
  const durations = metrics.histogram('http_request_duration_seconds', 'Time from request to answer.', [
    'route',
    'method',
    'status',
  ]);
  return ({ route, method, status, seconds }) =>
    durations.observe({ route, method, status: String(status) }, seconds);
}
