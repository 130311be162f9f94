import { Catch, UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';

/** Set in a handler's extras by `@BatchHandler`; the server refuses handlers without it. */
export const ERRORS_PASS = 'trackline.errorsPass';

/** Nest's own filter replaces every error by `{status: 'error', message: 'Internal server error'}`. */
@Catch()
class PassErrors implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

const passErrors = new PassErrors();

export interface BatchHandlerOptions {
  /** Fewer than the server's, for a handler whose work per message is heavy. */
  maxBatchMessages?: number;
  /**
   * For a handler that keeps positions of its own: it is called also when all of a batch went to the dead letters or is
   * for another group, with no messages and what was `buried`.
   */
  tellOfPassedOver?: boolean;
}

/**
 * Marks a controller method as the handler of a topic's batches. It is `@EventPattern(topic)` plus a filter that lets
 * errors through to the transport as they were thrown: what becomes of a batch hangs on which error it was.
 */
export function BatchHandler(topic: string, options: BatchHandlerOptions = {}): MethodDecorator {
  const listen = EventPattern(topic, { ...options, [ERRORS_PASS]: true }) as MethodDecorator;
  const filter = UseFilters(passErrors);
  return (target, key, descriptor) => {
    listen(target, key, descriptor);
    filter(target, key, descriptor);
  };
}
