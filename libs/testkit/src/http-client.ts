export interface CallOptions {
  /** Sent as the bearer: an API key or the admin token. */
  readonly key?: string;
  /** A string or bytes go out as they are; anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly timeoutMs?: number;
}

export interface Answer<Body> {
  readonly status: number;
  readonly headers: Headers;
  /** The body, parsed; `undefined` when it is empty or not JSON. */
  readonly json: Body;
  readonly text: string;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read answers of many shapes and assert on each field they use
export type Call = <Body = any>(method: string, path: string, options?: CallOptions) => Promise<Answer<Body>>;

/** A caller of one base URL. Never throws for a status; throws when there is no answer at all. */
export function httpClient(baseUrl: string, defaults: CallOptions = {}): Call {
  return async (method, path, options = {}) => {
    const { key, body, headers, timeoutMs = 40_000 } = { ...defaults, ...options };
    const sent = encode(body);
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        ...(sent !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...defaults.headers,
        ...headers,
      },
      ...(sent !== undefined && { body: sent }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: parsed(text), text };
  };
}

function encode(body: unknown): RequestInit['body'] {
  if (body === undefined) return undefined;
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return body as Uint8Array<ArrayBuffer>;
  return JSON.stringify(body);
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see Call
function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
