import { Body, Controller, Headers, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { trackBatch, trackEvent, type TrackBatchBody, type TrackBody } from '@trackline/contracts';
import { CurrentPrincipal, type Principal } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { Clock } from '@trackline/kernel';
import type { OncePerKey } from '../../pipeline/once-per-key.ts';
import type { Track } from '../../pipeline/track.ts';
import type { TrackBatch } from '../../pipeline/track-batch.ts';
import { CLOCK, ONCE_PER_KEY, TRACK, TRACK_BATCH } from '../../tokens.ts';
import { answerEvents, type EventHeaders, type EventRequestParts } from './event-requests.ts';

/** Wraps' custom events. */
@Controller()
export class EventsController {
  private readonly parts: EventRequestParts;

  constructor(
    @Inject(TRACK) private readonly track: Track,
    @Inject(TRACK_BATCH) private readonly trackBatch: TrackBatch,
    @Inject(ONCE_PER_KEY) oncePerKey: OncePerKey,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.parts = { oncePerKey, clock };
  }

  @Route(trackEvent)
  one(
    @Body() body: TrackBody,
    @Headers() headers: EventHeaders,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return answerEvents(this.parts, {
      contract: trackEvent,
      work: this.track,
      body,
      headers,
      principal,
      request,
      reply,
    });
  }

  @Route(trackBatch)
  many(
    @Body() body: TrackBatchBody,
    @Headers() headers: EventHeaders,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return answerEvents(this.parts, {
      contract: trackBatch,
      work: this.trackBatch,
      body,
      headers,
      principal,
      request,
      reply,
    });
  }
}
