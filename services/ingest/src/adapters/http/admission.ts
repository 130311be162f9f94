import 'reflect-metadata';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  Problem,
  trackMetric,
  trackMetricUnderscored,
  trackBatch,
  trackEvent,
  type RouteContract,
} from '@trackline/contracts';
import { AUTH_METADATA, type ApiKeyGuard, type AuthenticatedRequest } from '@trackline/directory';
import { prefersAsync } from '../../domain/preference.ts';
import { rateHeaders, rateOf } from '../../domain/request-rate.ts';
import { nothingRecorded } from '../../domain/unavailable.ts';
import type { RateLimiter } from '../../ports.ts';
import { orUnavailable } from './directory-away.ts';

type Request = FastifyRequest & AuthenticatedRequest & { [ADMITTED]?: true };

const ADMITTED = Symbol('admitted');

export interface AdmissionParts {
  readonly guard: ApiKeyGuard;
  readonly limiter: RateLimiter;
  readonly onRateLimited: () => void;
  /** Whether what an organisation sends now would not be judged in time. */
  readonly isCrowdedFor: (organizationId: string) => boolean;
  readonly onCrowded: () => void;
}

/** Answered with verdicts: of no use when there are too many to be judged in time. */
const WITH_VERDICTS: ReadonlySet<string> = new Set([
  trackEvent.id,
  trackBatch.id,
  trackMetric.id,
  trackMetricUnderscored.id,
]);

/** Who may come in, and how often: decided before the body is read. */
export class Admission {
  private readonly parts: AdmissionParts;

  constructor(parts: AdmissionParts) {
    this.parts = parts;
  }

  readonly admit = async (request: Request, reply: FastifyReply, contract: RouteContract): Promise<void> => {
    await orUnavailable(this.parts.guard.admit(contract.auth, request));
    if (request.principal) {
      const { organization } = request.principal;
      if (WITH_VERDICTS.has(contract.id) && !prefersAsync(preferenceOf(request)))
        this.refuseIfCrowded(organization.id);
      await this.takeRequest(organization, reply);
    }
    request[ADMITTED] = true;
  };

  private refuseIfCrowded(organizationId: string): void {
    if (!this.parts.isCrowdedFor(organizationId)) return;
    this.parts.onCrowded();
    throw nothingRecorded('More events are on their way than can be judged in time.');
  }

  private async takeRequest(
    organization: NonNullable<Request['principal']>['organization'],
    reply: FastifyReply,
  ): Promise<void> {
    const rate = rateOf(organization);
    if (!rate) return;
    const state = await this.parts.limiter.take(organization.id, rate);
    if (!state) return;
    void reply.headers(rateHeaders(rate, state));
    if (state.allowed) return;
    this.parts.onRateLimited();
    throw new Problem(
      'RATE_LIMITED',
      `Too many requests: ${rate.requestsPerMinute} a minute with a burst of ${rate.burst} are in the plan. Retry-After says when the next one passes; a batch of up to 1,000 events is one request.`,
    );
  }
}

function preferenceOf({ headers: { prefer } }: Request): string | undefined {
  return Array.isArray(prefer) ? prefer.join(',') : prefer;
}

/** The second lock: a request that reaches a handler of the API without having been admitted is a fault of the wiring. */
export class AdmittedGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const needed: unknown = Reflect.getMetadata(AUTH_METADATA, context.getHandler());
    if (needed === undefined || needed === 'public') return true;
    if (context.switchToHttp().getRequest<Request>()[ADMITTED]) return true;
    throw new Error('A request came past the admission.');
  }
}
