import { uniqueIdentity, type JudgedEvent } from '@trackline/contracts';
import { isEvent, type Reading } from './verdict.ts';

/** An event with the identities under which it may be admitted once. */
export interface Candidate {
  readonly offset: number;
  readonly event: JudgedEvent;
  /** Identity of (organisation, name, unique id) as 16 bytes in UUID form, when the event has a unique id. */
  readonly unique?: string;
}

/** The candidates of each organisation, in order of offset. */
export function candidatesOf(readings: readonly Reading[]): Map<string, Candidate[]> {
  const byOrganization = new Map<string, Candidate[]>();
  for (const reading of readings) {
    if (!isEvent(reading)) continue;
    const { offset, event } = reading;
    const candidate =
      event.uniqueId === undefined
        ? { offset, event }
        : {
            offset,
            event,
            unique: uniqueIdentity(event.organizationId, event.name, event.uniqueId),
          };
    const list = byOrganization.get(event.organizationId);
    if (list) list.push(candidate);
    else byOrganization.set(event.organizationId, [candidate]);
  }
  return byOrganization;
}
