import { Body, Controller, Headers, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  trackBatch,
  trackEvent,
  type RouteContract,
  type TrackBatchBody,
  type TrackBody,
} from '@trackline/contracts';
import { CurrentPrincipal, type Principal } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { Clock } from '@trackline/kernel';
import type { Decision } from '../../domain/decision.ts';
import { fingerprintOf } from '../../domain/idempotency.ts';
import { prefersAsync } from '../../domain/preference.ts';
import type { OncePerKey } from '../../pipeline/once-per-key.ts';
import type { Track, TrackCall } from '../../pipeline/track.ts';
import type { TrackBatch } from '../../pipeline/track-batch.ts';
import { CLOCK, ONCE_PER_KEY, TRACK, TRACK_BATCH } from '../../tokens.ts';
import { tell } from './tell.ts';
import { orUnavailable } from './directory-away.ts';

interface EventHeaders {
  readonly 'idempotency-key'?: string;
  readonly prefer?: string;
}

interface Asked<Content> {
  readonly contract: RouteContract;
  readonly work: (call: TrackCall<Content>) => Promise<Decision>;
  readonly body: Content;
  readonly headers: EventHeaders;
  readonly principal: Principal;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Wraps' custom events. */
@Controller()
export class EventsController {
  constructor(
    @Inject(TRACK) private readonly track: Track,
    @Inject(TRACK_BATCH) private readonly trackBatch: TrackBatch,
    @Inject(ONCE_PER_KEY) private readonly oncePerKey: OncePerKey,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Route(trackEvent)
  one(
    @Body() body: TrackBody,
    @Headers() headers: EventHeaders,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.answer({ contract: trackEvent, work: this.track, body, headers, principal, request, reply });
  }

  @Route(trackBatch)
  many(
    @Body() body: TrackBatchBody,
    @Headers() headers: EventHeaders,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.answer({
      contract: trackBatch,
      work: this.trackBatch,
      body,
      headers,
      principal,
      request,
      reply,
    });
  }

  private async answer<Content>({
    contract,
    work,
    body,
    headers,
    principal,
    request,
    reply,
  }: Asked<Content>): Promise<unknown> {
    const { organization, asOf } = principal;
    const respondAsync = prefersAsync(headers.prefer);
    if (respondAsync) void reply.header('Preference-Applied', 'respond-async');
    const call: TrackCall<Content> = {
      caller: { organizationId: organization.id, plan: organization, asOf },
      body,
      respondAsync,
      requestId: request.id,
      requestedAtMs: this.clock.now(),
    };
    const key = headers['idempotency-key'];
    if (key === undefined) return tell(await orUnavailable(work(call)), reply);
    const fingerprint = fingerprintOf(contract.id, request.rawBody ?? Buffer.alloc(0));
    const decision = this.oncePerKey({ organizationId: organization.id, key, fingerprint }, (onLate) =>
      work({ ...call, idempotencyKey: key, onLate }),
    );
    // Contacts are resolved before anything is published: a directory that is away has recorded nothing.
    return tell(await orUnavailable(decision), reply);
  }
}
