import type { FlowMetrics } from '@trackline/observability';
import type { Contacts, EventLog, Outcomes } from '../../ports.ts';

/** The ports of the tracking flow, with how often, how many and how long written down: nothing else is changed. */
export interface Metered {
  readonly contacts: Contacts;
  readonly log: EventLog;
  readonly outcomes: Outcomes;
}

export function metered({ contacts, log, outcomes }: Metered, flow: FlowMetrics): Metered {
  return {
    contacts: {
      resolve: (caller, lookups) => flow.timed('resolve', () => contacts.resolve(caller, lookups)),
    },
    log: {
      append: (events, isSafeToResend) => {
        flow.batch(events.length);
        return flow.timed('publish', () => log.append(events, isSafeToResend));
      },
    },
    outcomes: {
      expect: (organizationId, count, onLate) => {
        const expectation = outcomes.expect(organizationId, count, onLate);
        return {
          replyTos: expectation.replyTos,
          abandon: expectation.abandon,
          settled: async (untilMs) => {
            const settled = await flow.timed('await_outcome', () => expectation.settled(untilMs));
            for (const outcome of settled) flow.outcome(outcome?.verdict ?? 'no_verdict');
            return settled;
          },
        };
      },
    },
  };
}
