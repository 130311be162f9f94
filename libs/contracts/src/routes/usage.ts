import type { RouteContract } from '../route.ts';

export const usageRoutes: readonly RouteContract[] = [];
