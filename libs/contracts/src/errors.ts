/** Every code an answer may carry, with the HTTP status it comes with. */
export const ERROR_STATUS = {
  BAD_REQUEST: 400,
  MALFORMED_REQUEST: 400,
  CONTACT_NOT_FOUND: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  DUPLICATE_EVENT: 409,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  VALIDATION_FAILED: 422,
  RATE_LIMITED: 429,
  EVENT_LIMIT_EXCEEDED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL_ERROR: 500,
  UNAVAILABLE: 503,
} as const;
export type ErrorCode = keyof typeof ERROR_STATUS;

/** Where a value was wrong: `path` as a JSON pointer into the request (`/properties/a`, `` for the whole). */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

export interface ProblemOptions {
  readonly details?: readonly Issue[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Further fields of the answer's body. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** What stands in `error` where a published contract asks for a word of its own; else the message stands there. */
  readonly error?: string;
  readonly cause?: unknown;
}

/** What a caller is told in the common error form: `{success:false, error, code, requestId, details?}`. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ErrorCode;
  readonly options: ProblemOptions;

  constructor(code: ErrorCode, message: string, options: ProblemOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return ERROR_STATUS[this.code];
  }
}
