import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Problem } from '@trackline/contracts';
import { catchError, throwError, type Observable } from 'rxjs';

/** A fault that will pass, of something that is needed to answer. */
export interface PassingFault {
  readonly isIt: (error: unknown) => boolean;
  /** What the caller is told. */
  readonly told?: string;
}

export interface HonestFaults {
  /** The guard asks the database before any interceptor is reached. */
  guard(guard: CanActivate): CanActivate;
  readonly interceptor: NestInterceptor;
}

const AWAY = 'Something that is needed for this is away now. Try again.';

/** For what may be tried again: the caller is told so with a 503, and not that we are broken. Other faults go on as they are. */
export function honestFaults(...faults: readonly PassingFault[]): HonestFaults {
  const honest = (error: unknown): unknown => {
    const fault = faults.find(({ isIt }) => isIt(error));
    return fault ? new Problem('UNAVAILABLE', fault.told ?? AWAY, { cause: error }) : error;
  };
  return {
    guard: (guard) => ({
      async canActivate(context: ExecutionContext): Promise<boolean> {
        try {
          return (await guard.canActivate(context)) as boolean;
        } catch (error) {
          throw honest(error);
        }
      },
    }),
    interceptor: {
      intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
        if (context.getType() !== 'http') return next.handle();
        return next.handle().pipe(catchError((error: unknown) => throwError(() => honest(error))));
      },
    },
  };
}
