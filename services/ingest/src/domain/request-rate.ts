/** Requests of an organisation: `burst` at once, and `requestsPerMinute` on average. */
export interface RequestRate {
  readonly requestsPerMinute: number;
  readonly burst: number;
}

/** The bucket after a request. */
export interface RateState {
  readonly allowed: boolean;
  /** Requests that may be made at once, now. */
  readonly remaining: number;
  /** Milliseconds until there is room for one request; 0 when there is now. */
  readonly retryAfterMs: number;
  /** Milliseconds until all of the burst is there again. */
  readonly fullAfterMs: number;
}

/** `undefined`: the organisation has no rate. */
export function rateOf(organization: {
  readonly requestsPerMinute: number | null;
  readonly burst: number | null;
}): RequestRate | undefined {
  const { requestsPerMinute, burst } = organization;
  return requestsPerMinute === null ? undefined : { requestsPerMinute, burst: burst ?? requestsPerMinute };
}

const seconds = (ms: number): string => String(Math.ceil(ms / 1000));

/** As the IETF draft spells them (draft-ietf-httpapi-ratelimit-headers-06), and with `X-` for those who came before it. */
export function rateHeaders(rate: RequestRate, state: RateState): Record<string, string> {
  const limit = String(rate.requestsPerMinute);
  const remaining = String(state.remaining);
  const reset = seconds(state.fullAfterMs);
  const policy = `${limit};w=60;burst=${rate.burst}`;
  return {
    'RateLimit-Limit': limit,
    'RateLimit-Remaining': remaining,
    'RateLimit-Reset': reset,
    'RateLimit-Policy': policy,
    'X-RateLimit-Limit': limit,
    'X-RateLimit-Remaining': remaining,
    'X-RateLimit-Reset': reset,
    'X-RateLimit-Policy': policy,
    ...(state.allowed
      ? undefined
      : { 'Retry-After': String(Math.max(1, Math.ceil(state.retryAfterMs / 1000))) }),
  };
}
