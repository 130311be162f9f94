import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Problem } from '@trackline/contracts';
import { isConnectionFault, isContention } from '@trackline/postgres';
import { catchError, throwError, type Observable } from 'rxjs';

const UNAVAILABLE_NAMES = new Set(['PublisherFull', 'PublishTimeout']);

/** Something that this service needs is away: the caller is told to try again, not that we are broken. */
function honest(error: unknown): unknown {
  if (isConnectionFault(error) || isContention(error) || UNAVAILABLE_NAMES.has((error as Error)?.name)) {
    return new Problem('UNAVAILABLE', 'Something that is needed for this is away now. Try again.', {
      cause: error,
    });
  }
  return error;
}

/** The guard asks the database before any interceptor is reached. */
export const honestGuard = (guard: CanActivate): CanActivate => ({
  async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      return (await guard.canActivate(context)) as boolean;
    } catch (error) {
      throw honest(error);
    }
  },
});

export const honestInterceptor: NestInterceptor = {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    return next.handle().pipe(catchError((error: unknown) => throwError(() => honest(error))));
  },
};
