import type { ErrorCode, Issue } from '@trackline/contracts';

/** What a caller is told: plain data, so that it can be remembered and told again word for word. */
export type Decision = Answered | Refused;

export interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Becomes the common error form, with the id of the request that is answered with it. */
export interface Refused {
  readonly kind: 'refused';
  readonly code: ErrorCode;
  readonly message: string;
  /** What stands in `error`, when not the message. */
  readonly error?: string;
  readonly details?: readonly Issue[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly extra?: Readonly<Record<string, unknown>>;
}

export const answered = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answered => ({ kind: 'answered', status, body, headers });

export const refused = (
  code: ErrorCode,
  message: string,
  more: Omit<Refused, 'kind' | 'code' | 'message'> = {},
): Refused => ({ kind: 'refused', code, message, ...more });
