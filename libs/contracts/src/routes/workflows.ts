import type { RouteContract } from '../route.ts';

export const workflowRoutes: readonly RouteContract[] = [];
