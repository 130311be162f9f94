import type { RouteContract } from '../route.ts';

export const adminRoutes: readonly RouteContract[] = [];
