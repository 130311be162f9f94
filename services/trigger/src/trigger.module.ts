import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { ApiKeyGuard, type Directory } from '@trackline/directory';
import { honestFaults } from '@trackline/http';
import {
  ObservabilityModule,
  type Logger,
  type Metrics,
  type ObservabilitySettings,
} from '@trackline/observability';
import { isConnectionFault, isContention } from '@trackline/postgres';
import { ExecutionsController, READ_EXECUTIONS, RUN_BY_HAND } from './adapters/http/executions.controller.ts';
import { MANAGE_WORKFLOWS, WorkflowsController } from './adapters/http/workflows.controller.ts';
import { ADMITTED_FLOW, AdmittedConsumer, type AdmittedFlow } from './adapters/kafka/admitted.consumer.ts';
import {
  COMPLETED_FLOW,
  CONTACTS_FLOW,
  ContactsConsumer,
  type BatchFlow,
} from './adapters/kafka/contacts.consumer.ts';
import type { ManageWorkflows } from './pipeline/manage-workflows.ts';
import type { ReadExecutions } from './pipeline/read-executions.ts';
import type { RunByHand } from './pipeline/run-by-hand.ts';

/** Opened and closed by whoever starts the service; the module only wires them. */
export interface TriggerParts {
  readonly adminToken: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly directory: Directory;
  readonly checks: ObservabilitySettings['checks'];
  readonly admitted: AdmittedFlow;
  readonly contacts: BatchFlow;
  readonly completed: BatchFlow;
  readonly workflows: ManageWorkflows;
  readonly byHand: RunByHand;
  readonly executions: ReadExecutions;
}

const honest = honestFaults({ isIt: isConnectionFault }, { isIt: isContention });

@Module({})
export class TriggerModule {
  static with(parts: TriggerParts): DynamicModule {
    const { adminToken, logger, metrics, directory, checks } = parts;
    return {
      module: TriggerModule,
      imports: [ObservabilityModule.forService({ service: 'trigger', metrics, logger, checks })],
      controllers: [WorkflowsController, ExecutionsController, AdmittedConsumer, ContactsConsumer],
      providers: [
        { provide: ADMITTED_FLOW, useValue: parts.admitted },
        { provide: CONTACTS_FLOW, useValue: parts.contacts },
        { provide: COMPLETED_FLOW, useValue: parts.completed },
        { provide: MANAGE_WORKFLOWS, useValue: parts.workflows },
        { provide: RUN_BY_HAND, useValue: parts.byHand },
        { provide: READ_EXECUTIONS, useValue: parts.executions },
        { provide: APP_GUARD, useValue: honest.guard(new ApiKeyGuard({ directory, adminToken })) },
        { provide: APP_INTERCEPTOR, useValue: honest.interceptor },
      ],
    };
  }
}
