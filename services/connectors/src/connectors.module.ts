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
import {
  CONNECTOR_DESK,
  ConnectorsController,
  type ConnectorDesk,
} from './adapters/http/connectors.controller.ts';
import { DELIVERY_READER, DeliveriesController } from './adapters/http/deliveries.controller.ts';
import { ACTIONS_FLOW, ActionsConsumer, type ActionsFlow } from './adapters/kafka/actions.consumer.ts';
import { CONTACTS_FLOW, ContactsConsumer, type ContactsFlow } from './adapters/kafka/contacts.consumer.ts';
import type { DeliveryReader } from './ports.ts';

/** Opened and closed by whoever starts the service; the module only wires them. */
export interface ConnectorsParts {
  readonly adminToken: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly directory: Directory;
  readonly checks: ObservabilitySettings['checks'];
  readonly actions: ActionsFlow;
  readonly contacts: ContactsFlow;
  readonly desk: ConnectorDesk;
  readonly deliveries: DeliveryReader;
}

const honest = honestFaults({ isIt: isConnectionFault }, { isIt: isContention });

@Module({})
export class ConnectorsModule {
  static with(parts: ConnectorsParts): DynamicModule {
    const { adminToken, logger, metrics, directory, checks, actions, contacts, desk, deliveries } = parts;
    return {
      module: ConnectorsModule,
      imports: [ObservabilityModule.forService({ service: 'connectors', metrics, logger, checks })],
      controllers: [ConnectorsController, DeliveriesController, ActionsConsumer, ContactsConsumer],
      providers: [
        { provide: ACTIONS_FLOW, useValue: actions },
        { provide: CONTACTS_FLOW, useValue: contacts },
        { provide: CONNECTOR_DESK, useValue: desk },
        { provide: DELIVERY_READER, useValue: deliveries },
        { provide: APP_GUARD, useValue: honest.guard(new ApiKeyGuard({ directory, adminToken })) },
        { provide: APP_INTERCEPTOR, useValue: honest.interceptor },
      ],
    };
  }
}
