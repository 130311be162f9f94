import type { RouteContract } from '../route.ts';

export const contactRoutes: readonly RouteContract[] = [];
