import { describe, expect, it } from '@jest/globals';
import { flowMetrics, httpMetrics } from './flow-metrics.ts';
import { kafkaObserver } from './kafka-observer.ts';
import { createMetrics } from './metrics.ts';

describe('metrics', () => {
  it('are exposed with the prefix and the service', async () => {
    const metrics = createMetrics('ingest');
    metrics.counter('requests_total', 'Requests.', ['route']).inc({ route: 'trackEvent' }, 2);
    expect(await metrics.expose()).toContain(
      'trackline_requests_total{route="trackEvent",service="ingest"} 2',
    );
  });

  it('give the same instrument for the same name', () => {
    const metrics = createMetrics('ingest');
    expect(metrics.counter('a_total', 'A.')).toBe(metrics.counter('a_total', 'A.'));
  });

  it('refuse a name that is of another kind already', () => {
    const metrics = createMetrics('ingest');
    metrics.counter('a_total', 'A.');
    expect(() => metrics.gauge('a_total', 'A.')).toThrow('metric trackline_a_total is there already');
  });

  it('keep two services in one process apart', async () => {
    const one = createMetrics('one');
    const other = createMetrics('other');
    one.counter('a_total', 'A.').inc();
    expect(await other.expose()).not.toContain('a_total');
  });

  it('ask for the value of a collected gauge when scraped', async () => {
    const metrics = createMetrics('trigger');
    let waits = 3;
    metrics.gauge('open_waits', 'Waits.', [], (gauge) => gauge.set(waits));
    waits = 4;
    expect(await metrics.expose()).toContain('trackline_open_waits{service="trigger"} 4');
  });

  it('tell CPU, memory and event loop of the process', async () => {
    const text = await createMetrics('ingest').expose();
    expect(text).toMatch(/process_cpu_seconds_total\{service="ingest"\} \d/);
    expect(text).toMatch(/process_resident_memory_bytes\{service="ingest"\} \d{7,}/);
    expect(text).toContain('nodejs_eventloop_utilization_ratio');
    expect(text).not.toContain('nodejs_gc_duration');
  });
});

describe('the metrics of a flow', () => {
  it('count batches, outcomes and stage times', async () => {
    const metrics = createMetrics('dedup-meter');
    const flow = flowMetrics(metrics, 'events.received.v1');
    flow.batch(42);
    flow.outcome('admitted', 40);
    flow.outcome('duplicate', 2);
    flow.outcome('over_limit', 0);
    expect(await flow.timed('judge', () => Promise.resolve('verdicts'))).toBe('verdicts');
    await expect(flow.timed('commit', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    const text = await metrics.expose();
    expect(text).toContain(
      'trackline_outcomes_total{flow="events.received.v1",outcome="admitted",service="dedup-meter"} 40',
    );
    expect(text).not.toContain('over_limit');
    expect(text).toContain(
      'trackline_batch_size_bucket{le="50",service="dedup-meter",flow="events.received.v1"} 1',
    );
    expect(text).toContain(
      'trackline_stage_duration_seconds_count{service="dedup-meter",flow="events.received.v1",stage="judge"} 1',
    );
    expect(text).toContain('stage="commit"} 1');
  });
});

describe('the metrics of HTTP', () => {
  it('are by route, method and status', async () => {
    const metrics = createMetrics('ingest');
    httpMetrics(metrics)({ route: 'trackEvent', method: 'POST', status: 200, seconds: 0.004 });
    expect(await metrics.expose()).toContain(
      'trackline_http_request_duration_seconds_bucket{le="0.005",service="ingest",route="trackEvent",method="POST",status="200"} 1',
    );
  });
});

describe('the Kafka observer', () => {
  it('shows lag while the partition is ours and no longer', async () => {
    const metrics = createMetrics('timeline');
    const observer = kafkaObserver(metrics);
    observer.lag({ topic: 't', partition: 3, messages: 12 });
    expect(await metrics.expose()).toContain(
      'trackline_kafka_lag_messages{topic="t",partition="3",service="timeline"} 12',
    );
    observer.revoked({ topic: 't', partition: 3 });
    expect(await metrics.expose()).not.toContain('partition="3"');
  });

  it('counts batches, retries, dead letters and produce requests', async () => {
    const metrics = createMetrics('timeline');
    const observer = kafkaObserver(metrics);
    observer.batchHandled({ topic: 't', partition: 0, messages: 500, seconds: 0.02 });
    observer.batchRetried({ topic: 't', partition: 0, cause: 'fault' });
    observer.deadLettered({ topic: 't', partition: 0, reason: 'not_json' });
    observer.published({ messages: 100, seconds: 0.003 });
    observer.publishRetried();
    observer.publishRefused({ messages: 7 });
    const text = await metrics.expose();
    expect(text).toContain('trackline_kafka_batch_size_sum{service="timeline",topic="t"} 500');
    expect(text).toContain(
      'trackline_kafka_batch_retries_total{topic="t",cause="fault",service="timeline"} 1',
    );
    expect(text).toContain(
      'trackline_kafka_dead_letters_total{topic="t",reason="not_json",service="timeline"} 1',
    );
    expect(text).toContain('trackline_kafka_publish_request_size_sum{service="timeline"} 100');
    expect(text).toContain('trackline_kafka_publish_retries_total{service="timeline"} 1');
    expect(text).toContain('trackline_kafka_publish_refused_total{service="timeline"} 7');
  });
});
