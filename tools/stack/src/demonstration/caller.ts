export interface Answer {
  readonly status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever came back: each step checks the fields that it is about
  readonly json: any;
  readonly text: string;
  readonly elapsedMs: number;
}

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly key: string;
  readonly body?: unknown;
}

export type Caller = (request: Request) => Promise<Answer>;

const TIMEOUT_MS = 15_000;

export function callerOf(baseUrl: string): Caller {
  return async ({ method, path, key, body }) => {
    const startedMs = performance.now();
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, json: parsed(text), text, elapsedMs: performance.now() - startedMs };
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
