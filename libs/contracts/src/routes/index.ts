import type { RouteContract } from '../route.ts';
import { adminRoutes } from './admin.ts';
import { connectorRoutes } from './connectors.ts';
import { channelRoutes } from './channels.ts';
import { contactRoutes } from './contacts.ts';
import { conversationRoutes } from './conversations.ts';
import { eventRoutes } from './events.ts';
import { metricEventRoutes } from './metric-events.ts';
import { reportRoutes } from './reports.ts';
import { timelineRoutes } from './timeline.ts';
import { usageRoutes } from './usage.ts';
import { webhookRoutes } from './webhooks.ts';
import { workflowRoutes } from './workflows.ts';

export * from './admin.ts';
export * from './connectors.ts';
export * from './channels.ts';
export * from './contacts.ts';
export * from './conversations.ts';
export * from './documentation.ts';
export {
  BatchAnswer,
  BatchItem,
  DuplicateEventBody,
  EventLimitBody,
  eventRoutes,
  InboundBody,
  MAX_BATCH_EVENTS,
  TrackAnswer,
  trackBatch,
  TrackBatchBody,
  TrackBody,
  trackEvent,
} from './events.ts';
export * from './metric-events.ts';
export * from './reports.ts';
export * from './timeline.ts';
export * from './usage.ts';
export * from './webhooks.ts';
export * from './workflows.ts';

/** Every route of every service: one address is made of them. */
export const routes: readonly RouteContract[] = [
  ...eventRoutes,
  ...metricEventRoutes,
  ...conversationRoutes,
  ...webhookRoutes,
  ...contactRoutes,
  ...timelineRoutes,
  ...reportRoutes,
  ...usageRoutes,
  ...workflowRoutes,
  ...connectorRoutes,
  ...adminRoutes,
  ...channelRoutes,
];
