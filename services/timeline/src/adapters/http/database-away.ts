import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Problem } from '@trackline/contracts';
import { isConnectionFault, isContention } from '@trackline/postgres';
import { catchError, throwError, type Observable } from 'rxjs';

/** A database that is away, or a question that took it too long, is no fault of ours to hide behind a 500: the caller may try again. */
function honest(error: unknown): unknown {
  if (isConnectionFault(error)) {
    return new Problem('UNAVAILABLE', 'The database is not there now. Try again.', { cause: error });
  }
  if (isContention(error)) {
    return new Problem(
      'UNAVAILABLE',
      'That took too long. Try again, or ask for less time with "from" and "to".',
      { cause: error },
    );
  }
  return error;
}

/** The guard asks the database too, before any interceptor is reached. */
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
