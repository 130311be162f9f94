import {
  Controller,
  Get,
  Inject,
  Module,
  Req,
  Res,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type OnModuleDestroy,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readiness, type ReadinessChecks } from './health.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface ObservabilitySettings {
  service: string;
  /** Ready means that all of them say so: connected and assigned. */
  checks: ReadinessChecks;
  metrics: Metrics;
  /** Hears why a readiness check failed. */
  logger?: Logger;
}

const SETTINGS = Symbol('ObservabilitySettings');

/** Set when the process begins to drain: it still answers, but no load balancer should send it more. */
class Draining implements OnModuleDestroy {
  begun = false;

  onModuleDestroy(): void {
    this.begun = true;
  }
}

@Controller()
class HealthController {
  constructor(
    @Inject(SETTINGS) private readonly settings: ObservabilitySettings,
    @Inject(Draining) private readonly draining: Draining,
  ) {}

  /** The process runs and its event loop turns. Nothing else: a restart does not heal a broker that is away. */
  @Get('health/live')
  live() {
    return { status: 'live', service: this.settings.service };
  }

  @Get('health/ready')
  async ready(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { service, checks, logger } = this.settings;
    const { ready, parts, failures } = await readiness(checks);
    for (const [part, err] of Object.entries(failures)) logger?.warn({ part, err }, 'readiness check failed');
    void reply.header('cache-control', 'no-store');
    if (ready && !this.draining.begun) {
      void reply.code(200).send({ status: 'ready', service, parts });
      return;
    }
    const waitingFor = Object.keys(parts).filter((part) => parts[part] !== 'ready');
    void reply
      .code(503)
      .header('retry-after', '1')
      .send({
        success: false,
        error: this.draining.begun
          ? `${service} is shutting down`
          : `${service} is not ready: ${waitingFor.join(', ')}`,
        code: 'UNAVAILABLE',
        requestId: String(request.id),
        status: this.draining.begun ? 'draining' : 'not_ready',
        service,
        parts,
      });
  }
}

@Controller()
class MetricsController {
  constructor(@Inject(SETTINGS) private readonly settings: ObservabilitySettings) {}

  @Get('metrics')
  async expose(@Res() reply: FastifyReply): Promise<void> {
    const { metrics } = this.settings;
    void reply.type(metrics.contentType).send(await metrics.expose());
  }
}

/** `GET /health/live`, `GET /health/ready` and `GET /metrics` of one service, on the port of its routes. */
@Module({})
export class ObservabilityModule {
  static forService(settings: ObservabilitySettings): DynamicModule {
    return ObservabilityModule.forServiceAsync({ inject: [], useFactory: () => settings });
  }

  /** For checks over what Nest has wired: `{ imports, inject: [DATABASE], useFactory: (database) => ({…}) }`. */
  static forServiceAsync({
    imports = [],
    inject = [],
    useFactory,
  }: Pick<ModuleMetadata, 'imports'> &
    Pick<FactoryProvider<ObservabilitySettings>, 'inject' | 'useFactory'>): DynamicModule {
    return {
      module: ObservabilityModule,
      imports,
      controllers: [HealthController, MetricsController],
      providers: [Draining, { provide: SETTINGS, inject, useFactory }],
    };
  }
}
