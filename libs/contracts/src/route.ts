import type { TObject, TSchema } from '@sinclair/typebox';
import type { ErrorCode } from './errors.ts';

export type ServiceName = 'ingest' | 'dedup-meter' | 'trigger' | 'timeline' | 'connectors';

/** Who may call: anybody, the operator with the admin token, or a key with this scope. */
export type RouteAuth = 'public' | 'admin' | 'events:write' | 'read' | 'manage';

export interface RouteResponse {
  readonly description: string;
  readonly schema?: TSchema;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `application/json`. */
  readonly contentType?: string;
}

/** A route, said once: the controller, the gateway's table, the validators and OpenAPI are made from it. */
export interface RouteContract {
  /** OpenAPI's operationId. */
  readonly id: string;
  readonly service: ServiceName;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:param` segments, without a trailing slash; one makes no difference. */
  readonly path: string;
  readonly auth: RouteAuth;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: TObject;
  /** All values arrive as text. */
  readonly query?: TObject;
  readonly headers?: TObject;
  readonly body?: TSchema;
  /** The handler itself checks that texts in the body can be stored, item by item. */
  readonly bodyTextCheckedByHandler?: boolean;
  /**
   * The body is not parsed: the handler gets its bytes (`rawBody`). For routes that have to check them before they mean anything.
   */
  readonly bodyReadByHandler?: boolean;
  /** What a body that does not fit the schema is: default VALIDATION_FAILED (422). */
  readonly invalidBody?: Extract<ErrorCode, 'VALIDATION_FAILED' | 'BAD_REQUEST' | 'MALFORMED_REQUEST'>;
  readonly responses: Readonly<Record<number, RouteResponse>>;
  readonly errors: readonly ErrorCode[];
}

/** Keeps the literal types of a contract, so that `Static<typeof route.body>` is the body's type. */
export const defineRoute = <const R extends RouteContract>(route: R): R => route;
