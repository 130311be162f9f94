import { Body, Controller, Inject, Param } from '@nestjs/common';
import {
  deleteConnector,
  getConnector,
  Problem,
  putConnector,
  rotateWebhookSecret,
  type Connector,
  type ConnectorWay,
  type WorkflowActionKind,
} from '@trackline/contracts';
import {
  CurrentOrganization,
  type ConnectorKind,
  type Connectors,
  type Organization,
  type StoredConnector,
} from '@trackline/directory';
import { Route } from '@trackline/http';

export interface ConnectorDesk {
  readonly connectors: Pick<Connectors, 'shown' | 'put' | 'remove' | 'rotateWebhookSecret'>;
  /** The installation has a mail server of its own. */
  readonly sendsMail: boolean;
}

export const CONNECTOR_DESK = Symbol('ConnectorDesk');

@Controller()
export class ConnectorsController {
  constructor(@Inject(CONNECTOR_DESK) private readonly desk: ConnectorDesk) {}

  @Route(getConnector)
  async get(
    @CurrentOrganization() { id }: Organization,
    @Param('kind') kind: WorkflowActionKind,
  ): Promise<Connector> {
    const stored = kind === 'sms' ? undefined : await this.desk.connectors.shown(id, kind);
    return this.toAnswer(kind, stored);
  }

  @Route(putConnector)
  async put(
    @CurrentOrganization() { id }: Organization,
    @Param('kind') kind: WorkflowActionKind,
    @Body() body: Record<string, unknown>,
  ): Promise<Connector> {
    if (kind === 'webhook') {
      throw new Problem(
        'VALIDATION_FAILED',
        'Webhooks need no credentials. Their secret is made by POST /v1/connectors/webhook/secret.',
      );
    }
    if (kind === 'sms') throw new Problem('VALIDATION_FAILED', 'There is no provider of text messages yet.');
    return this.toAnswer(kind, await this.desk.connectors.put(id, kind, body));
  }

  @Route(deleteConnector)
  async remove(
    @CurrentOrganization() { id }: Organization,
    @Param('kind') kind: WorkflowActionKind,
  ): Promise<Connector> {
    const removed = kind !== 'sms' && (await this.desk.connectors.remove(id, kind as ConnectorKind));
    if (!removed) throw new Problem('NOT_FOUND', `There is nothing of yours for ${kind}.`);
    return this.toAnswer(kind, undefined);
  }

  @Route(rotateWebhookSecret)
  async rotate(@CurrentOrganization() { id }: Organization) {
    return { secret: await this.desk.connectors.rotateWebhookSecret(id) };
  }

  private toAnswer(kind: WorkflowActionKind, stored: StoredConnector | undefined): Connector {
    return {
      kind,
      configured: stored !== undefined,
      via: this.wayOf(kind, stored !== undefined),
      settings: { ...stored?.shown },
      ...(stored && { updatedAt: stored.updatedAt.toISOString() }),
    };
  }

  private wayOf(kind: WorkflowActionKind, isConfigured: boolean): ConnectorWay {
    if (kind === 'webhook') return 'http';
    if (kind === 'email') return isConfigured || this.desk.sendsMail ? 'smtp' : 'log';
    return kind === 'whatsapp' && isConfigured ? 'cloud_api' : 'log';
  }
}
