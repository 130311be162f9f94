import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type CounterConfiguration,
  type GaugeConfiguration,
  type HistogramConfiguration,
} from 'prom-client';
import { registerProcessMetrics } from './process-metrics.ts';

/** Seconds. Finer than prom-client's default below 25 ms: that is where an answer is made. */
export const DURATION_BUCKETS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Messages or rows in one batch. */
export const BATCH_SIZE_BUCKETS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];

export interface MetricsSettings {
  /**
   * Adds prom-client's own set: event-loop delay sampled by a timer, garbage collection by a performance observer,
   * handles by type. They cost CPU all the time, so they are for an investigation and off by default.
   */
  detailed?: boolean;
}

/**
 * One registry per service process. Names are given without the prefix `trackline_`; asking twice for the same name
 * gives the same instrument, so that a module need not own what two of its parts count.
 * Label values are of closed sets (topics, outcomes, routes): never an organisation, contact or event.
 */
export interface Metrics {
  readonly service: string;
  readonly registry: Registry;
  counter<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
  ): Counter<Label>;
  gauge<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    /** Called at each scrape: the way to show a value that is only worth computing when someone looks. */
    collect?: (gauge: Gauge<Label>) => void | Promise<void>,
  ): Gauge<Label>;
  histogram<Label extends string = never>(
    name: string,
    help: string,
    labels?: readonly Label[],
    buckets?: readonly number[],
  ): Histogram<Label>;
  /** The exposition text of `GET /metrics`. */
  expose(): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(service: string, { detailed = false }: MetricsSettings = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (detailed) collectDefaultMetrics({ register: registry });
  else registerProcessMetrics(registry);

  const once = <Kind>(
    name: string,
    kind: abstract new (...args: never[]) => Kind,
    make: (fullName: string) => Kind,
  ): Kind => {
    const fullName = `trackline_${name}`;
    const known: unknown = registry.getSingleMetric(fullName);
    if (known === undefined) return make(fullName);
    if (known instanceof kind) return known;
    throw new Error(`metric ${fullName} is there already as another kind of instrument than ${kind.name}`);
  };

  return {
    service,
    registry,
    counter: <Label extends string>(name: string, help: string, labels: readonly Label[] = []) =>
      once<Counter<Label>>(name, Counter<Label>, (fullName) => {
        const settings: CounterConfiguration<Label> = {
          name: fullName,
          help,
          labelNames: [...labels],
          registers: [registry],
        };
        return new Counter(settings);
      }),
    gauge: <Label extends string>(
      name: string,
      help: string,
      labels: readonly Label[] = [],
      collect?: (gauge: Gauge<Label>) => void | Promise<void>,
    ) =>
      once<Gauge<Label>>(name, Gauge<Label>, (fullName) => {
        const settings: GaugeConfiguration<Label> = {
          name: fullName,
          help,
          labelNames: [...labels],
          registers: [registry],
        };
        if (collect) {
          settings.collect = function collectWhenScraped() {
            return collect(this);
          };
        }
        return new Gauge(settings);
      }),
    histogram: <Label extends string>(
      name: string,
      help: string,
      labels: readonly Label[] = [],
      buckets: readonly number[] = DURATION_BUCKETS,
    ) =>
      once<Histogram<Label>>(name, Histogram<Label>, (fullName) => {
        const settings: HistogramConfiguration<Label> = {
          name: fullName,
          help,
          labelNames: [...labels],
          buckets: [...buckets],
          registers: [registry],
        };
        return new Histogram(settings);
      }),
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
