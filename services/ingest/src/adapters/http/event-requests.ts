import type { FastifyReply, FastifyRequest } from 'fastify';
import { numbersAsSent, type RouteContract } from '@trackline/contracts';
import type { Principal } from '@trackline/directory';
import type { Clock } from '@trackline/kernel';
import type { Decision } from '../../domain/decision.ts';
import { fingerprintOf } from '../../domain/idempotency.ts';
import { prefersAsync } from '../../domain/preference.ts';
import type { OncePerKey } from '../../pipeline/once-per-key.ts';
import type { TrackCall } from '../../pipeline/track.ts';
import { orUnavailable } from './directory-away.ts';
import { tell } from './tell.ts';

/** What every route that takes events understands. */
export interface EventHeaders {
  readonly 'idempotency-key'?: string;
  readonly prefer?: string;
}

export interface EventRequestParts {
  readonly oncePerKey: OncePerKey;
  readonly clock: Clock;
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

/** Carries a request with events out, once per Idempotency-Key where it has one. */
export async function answerEvents<Content>(
  { oncePerKey, clock }: EventRequestParts,
  { contract, work, body, headers, principal, request, reply }: Asked<Content>,
): Promise<unknown> {
  const { organization, asOf } = principal;
  const respondAsync = prefersAsync(headers.prefer);
  if (respondAsync) void reply.header('Preference-Applied', 'respond-async');
  const bytes = request.rawBody ?? Buffer.alloc(0);
  const call: TrackCall<Content> = {
    caller: { organizationId: organization.id, plan: organization, asOf },
    body,
    numbers: numbersAsSent(bytes.toString('utf8')),
    respondAsync,
    requestId: request.id,
    requestedAtMs: clock.now(),
  };
  const key = headers['idempotency-key'];
  if (key === undefined) return tell(await orUnavailable(work(call)), reply);
  const fingerprint = fingerprintOf(contract.id, bytes);
  const decision = oncePerKey({ organizationId: organization.id, key, fingerprint }, (onLate) =>
    work({ ...call, idempotencyKey: key, onLate }),
  );
  // Contacts are resolved before anything is published: a directory that is away has recorded nothing.
  return tell(await orUnavailable(decision), reply);
}
