import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { honest } from './usage.controller.ts';

/** The guard asks the database too. */
export const honestGuard = (guard: CanActivate): CanActivate => ({
  canActivate: async (context: ExecutionContext): Promise<boolean> => {
    try {
      return (await guard.canActivate(context)) as boolean;
    } catch (error) {
      return honest(error);
    }
  },
});
