import { createHttpApp, listen, type HttpApp } from '@trackline/http';
import type { KafkaConnection } from '@trackline/kafka';
import { createMetrics, httpMetrics, type Logger } from '@trackline/observability';
import type { Admission } from './adapters/http/admission.ts';
import type { IngestConfig } from './config.ts';
import { IngestModule } from './ingest.module.ts';
import { kafkaOf, openConnections } from './connections.ts';
import { ADMISSION } from './tokens.ts';

/** The service, connected and listening. `close()` of what it gives drains it. */
export async function startIngest(
  config: IngestConfig,
  logger: Logger,
  kafka: KafkaConnection = kafkaOf(config, logger),
): Promise<HttpApp> {
  const metrics = createMetrics('ingest');
  const connections = await openConnections(config, logger, metrics, kafka);
  // eslint-disable-next-line prefer-const -- the door is built before what decides at it
  let admission: Admission;
  const app = await createHttpApp(IngestModule.with({ config, logger, metrics, connections }), {
    logger,
    onAnswer: httpMetrics(metrics),
    beforeBody: (request, reply, contract) => admission.admit(request, reply, contract),
  });
  admission = app.get<Admission>(ADMISSION);
  const url = await listen(app, config);
  logger.info({ url }, 'ingest is up');
  return app;
}
