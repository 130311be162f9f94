export {
  createLogger,
  LOG_LEVELS,
  toNestLogger,
  type Logger,
  type LoggerSettings,
  type LogLevelName,
} from './logger.ts';
export {
  BATCH_SIZE_BUCKETS,
  createMetrics,
  DURATION_BUCKETS,
  type Metrics,
  type MetricsSettings,
} from './metrics.ts';
export { flowMetrics, httpMetrics, type FlowMetrics, type HttpAnswer } from './flow-metrics.ts';
export { kafkaObserver, type KafkaObserver } from './kafka-observer.ts';
export {
  readiness,
  READINESS_TIMEOUT_MS,
  type Readiness,
  type ReadinessCheck,
  type ReadinessChecks,
} from './health.ts';
export { ObservabilityModule, type ObservabilitySettings } from './observability.module.ts';
