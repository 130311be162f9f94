import type { RouteContract } from '../route.ts';

export const timelineRoutes: readonly RouteContract[] = [];
