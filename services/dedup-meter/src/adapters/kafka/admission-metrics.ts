import { flowMetrics, type FlowMetrics, type Metrics } from '@trackline/observability';
import type { Observer } from '../../ports.ts';

/** Batches, stages and outcomes by source topic; what is out of the ordinary by name. */
export function metricsObserver(metrics: Metrics): Observer {
  const flows = new Map<string, FlowMetrics>();
  const flow = (topic: string): FlowMetrics => {
    let known = flows.get(topic);
    if (!known) flows.set(topic, (known = flowMetrics(metrics, topic)));
    return known;
  };
  const incidents = metrics.counter(
    'admission_incidents_total',
    'What is out of the ordinary in admission.',
    ['what'],
  );
  return {
    batch: (topic, size) => flow(topic).batch(size),
    outcome: (topic, outcome, count) => flow(topic).outcome(outcome, count),
    timed: (topic, stage, work) => flow(topic).timed(stage, work),
    noticed: (what, count = 1) => void (count > 0 && incidents.inc({ what }, count)),
  };
}
