import { Controller, Headers, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  MAX_WEBHOOK_BYTES,
  MAX_WEBHOOK_CHANGES,
  Problem,
  whatsappHandshake,
  whatsappWebhook,
  type WhatsappHandshakeQuery,
} from '@trackline/contracts';
import { SecretUnreadable, type Channels, type OpenedChannel } from '@trackline/directory';
import { parseJsonBody, Route } from '@trackline/http';
import type { Clock } from '@trackline/kernel';
import type { Logger } from '@trackline/observability';
import { isSameSecret, isSigned } from '../../domain/whatsapp/signature.ts';
import { countChanges } from '../../domain/whatsapp/webhook.ts';
import type { ReceiveWebhook, WebhookOutcome } from '../../pipeline/receive-webhook.ts';
import type { WebhookBodies } from '../../ports.ts';
import { WHATSAPP_DOOR } from '../../tokens.ts';
import { orUnavailable } from './directory-away.ts';

export interface WhatsappDoor {
  readonly channels: Pick<Channels, 'open'>;
  readonly receive: ReceiveWebhook;
  readonly bodies: Pick<WebhookBodies, 'keep'>;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  readonly onReceived: (outcome: WebhookOutcome) => void;
}

/** Meta's callback of a WhatsApp number. Meta repeats for days whatever is not answered 200. */
@Controller()
export class WhatsappWebhookController {
  constructor(@Inject(WHATSAPP_DOOR) private readonly door: WhatsappDoor) {}

  @Route(whatsappHandshake)
  async handshake(
    @Param('channelId') channelId: string,
    @Query() query: WhatsappHandshakeQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const opened = await this.open(channelId);
    const isRight = isSameSecret(query['hub.verify_token'] ?? '', opened?.secrets.verifyToken ?? '');
    if (!opened || query['hub.mode'] !== 'subscribe' || !isRight)
      throw new Problem(
        'FORBIDDEN',
        'hub.mode must be "subscribe" and hub.verify_token the one of the channel.',
      );
    // A challenge is whatever somebody sends: it must never be taken for a page.
    void reply.headers({ 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
    return query['hub.challenge'] ?? '';
  }

  @Route(whatsappWebhook)
  async receive(
    @Param('channelId') channelId: string,
    @Headers('x-hub-signature-256') signature: string | undefined,
    @Req() request: FastifyRequest,
  ): Promise<{ success: true }> {
    const { receive, bodies, clock, newId } = this.door;
    const receivedAtMs = clock.now();
    const opened = await this.open(channelId);
    if (!opened) throw new Problem('NOT_FOUND', 'There is no such channel.');
    const body = request.rawBody ?? Buffer.alloc(0);
    // Nothing of the body is looked at before it is known that Meta wrote it, byte by byte.
    const payload = readSigned(body, signature, opened.secrets.appSecret);
    const { organizationId } = opened.channel;
    const [outcome] = await orUnavailable(
      Promise.all([
        receive({
          asker: { organizationId, asOf: opened.asOf },
          payload,
          isOurs: (phoneNumberId) => opened.numbers.has(phoneNumberId),
          tellsMeta: (phoneNumberId) => opened.numbers.get(phoneNumberId)?.conversionFeedback === true,
          receivedAtMs,
          requestId: request.id,
        }),
        bodies.keep({ id: newId(), organizationId, channelId, receivedAtMs, body }),
      ]),
    );
    this.tell(outcome, { channelId, organizationId, requestId: request.id });
    return { success: true };
  }

  private async open(channelId: string): Promise<OpenedChannel | undefined> {
    try {
      return await orUnavailable(this.door.channels.open(channelId));
    } catch (error) {
      if (!(error instanceof SecretUnreadable)) throw error;
      this.door.logger.error({ err: error, channelId }, 'the secrets of a channel cannot be opened');
      throw new Problem('UNAVAILABLE', 'The secrets of this channel cannot be opened now.', {
        headers: { 'Retry-After': '60' },
        cause: error,
      });
    }
  }

  private tell(outcome: WebhookOutcome, fields: object): void {
    const { logger, onReceived } = this.door;
    onReceived(outcome);
    const { strangers, malformed, erased } = outcome;
    if (strangers.length > 0) {
      const phoneNumberIds = [...new Set(strangers)].slice(0, MAX_STRANGERS_TOLD);
      logger.warn(
        { ...fields, phoneNumberIds, changes: strangers.length },
        'changes of numbers that belong to no channel of the organisation',
      );
    }
    if (malformed + erased > 0)
      logger.warn(
        { ...fields, malformed, erased },
        'items without an id, or of people who were erased, were left out',
      );
  }
}

const MAX_STRANGERS_TOLD = 10;

function readSigned(body: Buffer, signature: string | undefined, appSecret: string): unknown {
  if (body.length > MAX_WEBHOOK_BYTES) throw tooLarge();
  if (!isSigned(body, signature, appSecret))
    throw new Problem(
      'UNAUTHORIZED',
      'X-Hub-Signature-256 is not the signature of this body by the app secret of the channel.',
    );
  const payload = parseJsonBody(body);
  if (countChanges(payload) > MAX_WEBHOOK_CHANGES) throw tooLarge();
  return payload;
}

const tooLarge = (): Problem =>
  new Problem(
    'PAYLOAD_TOO_LARGE',
    `A request holds at most ${MAX_WEBHOOK_BYTES / 1024 / 1024} MB and ${MAX_WEBHOOK_CHANGES} changes.`,
  );
