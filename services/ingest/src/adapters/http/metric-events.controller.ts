import { Body, Controller, Headers, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { trackMetric, trackMetricUnderscored, type MetricEventBody } from '@trackline/contracts';
import { CurrentPrincipal, type Principal } from '@trackline/directory';
import { Route } from '@trackline/http';
import type { Clock } from '@trackline/kernel';
import type { OncePerKey } from '../../pipeline/once-per-key.ts';
import type { TrackMetric } from '../../pipeline/track.ts';
import { CLOCK, ONCE_PER_KEY, TRACK_METRIC } from '../../tokens.ts';
import { answerEvents, type EventHeaders, type EventRequestParts } from './event-requests.ts';

/** Wax's metric events, under both addresses that its callers write. */
@Controller()
export class MetricEventsController {
  private readonly parts: EventRequestParts;

  constructor(
    @Inject(TRACK_METRIC) private readonly trackMetric: TrackMetric,
    @Inject(ONCE_PER_KEY) oncePerKey: OncePerKey,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.parts = { oncePerKey, clock };
  }

  @Route(trackMetric)
  one(
    @Body() body: MetricEventBody,
    @Headers() headers: EventHeaders,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    // One contract for both addresses: a retry under the other one is the same request.
    const work = this.trackMetric;
    return answerEvents(this.parts, {
      contract: trackMetric,
      work,
      body,
      headers,
      principal,
      request,
      reply,
    });
  }

  @Route(trackMetricUnderscored)
  oneUnderscored(
    @Body() body: MetricEventBody,
    @Headers() headers: EventHeaders,
    @CurrentPrincipal() principal: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<unknown> {
    return this.one(body, headers, principal, request, reply);
  }
}
