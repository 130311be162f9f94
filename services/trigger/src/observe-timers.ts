import type { Metrics } from '@trackline/observability';
import type { OwnPartitions } from './pipeline/partition-state.ts';
import type { TimerReader } from './ports.ts';

/** Gauges that are read when somebody scrapes: how far timers are behind, and what holds them. */
export function observeTimers(metrics: Metrics, own: OwnPartitions, timers: TimerReader): void {
  metrics.gauge(
    'timeouts_overdue',
    'Timeouts past their deadline that wait until all that was received before it has been decided; at most 1,000 a partition.',
    [],
    async (gauge) => gauge.set((await timers.overdue(own.all().map(({ partition }) => partition))).count),
  );
  metrics.gauge(
    'timer_frontier_seconds',
    'Everything received up to this moment (seconds since the epoch) has taken effect.',
    ['partition'],
    (gauge) => {
      gauge.reset();
      for (const { partition, frontier } of own.all())
        gauge.set({ partition: String(partition) }, Math.max(0, frontier.atMs()) / 1000);
    },
  );
}
