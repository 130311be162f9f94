import type { AttributionSettings } from './attribution.ts';
import { metaKindOf } from './meta-event.ts';

/**
 * One complete set of figures under one set of settings. Facts that arrive are put into every live edition: into the current one, which is read,
 * and into the one that is being built for newer settings.
 */
export interface Edition {
  readonly organizationId: string;
  readonly edition: number;
  readonly state: 'current' | 'building';
  readonly settings: AttributionSettings;
}

/** Whether an event of this name has to be kept as a fact: any live edition counts it, or Meta reports by it. */
export const isOrderFact = (editions: readonly Edition[], name: string): boolean =>
  metaKindOf(name) !== undefined || editions.some(({ settings }) => settings.orderEventNames.includes(name));
