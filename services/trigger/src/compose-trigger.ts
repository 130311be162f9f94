import { ADMITTED, contactKey, partitionOf } from '@trackline/contracts';
import { Directory } from '@trackline/directory';
import type { KafkaBatchServer, PinnedReader, Publisher } from '@trackline/kafka';
import { uuidv7 } from '@trackline/kernel';
import { flowMetrics, type Logger, type Metrics } from '@trackline/observability';
import type { Database } from '@trackline/postgres';
import { directoryContacts } from './adapters/directory/directory-contacts.ts';
import { directoryFeedback } from './adapters/directory/directory-feedback.ts';
import { contactMerges } from './adapters/postgres/contact-merges.ts';
import { contactErasures } from './adapters/postgres/contact-erasures.ts';
import { effectWriter } from './adapters/postgres/effect-writer.ts';
import { executionReader } from './adapters/postgres/execution-reader.ts';
import { executionStore } from './adapters/postgres/execution-store.ts';
import { heldSends } from './adapters/postgres/held-sends.ts';
import { retention } from './adapters/postgres/retention.ts';
import { scheduleStore } from './adapters/postgres/schedule-store.ts';
import { timerReader } from './adapters/postgres/timer-reader.ts';
import { giveTurns } from './adapters/postgres/turn-rounds.ts';
import { workflowReader } from './adapters/postgres/workflow-reader.ts';
import { workflowStore } from './adapters/postgres/workflow-store.ts';
import { cronerCalendar } from './adapters/schedule/croner-calendar.ts';
import type { TriggerConfig } from './config.ts';
import { observeTimers } from './observe-timers.ts';
import type { PartitionOfContact } from './pipeline/effects-commit.ts';
import { eraseContact, type EraseDependencies } from './pipeline/erase-contact.ts';
import { fireDue } from './pipeline/fire-due.ts';
import { handleAdmitted } from './pipeline/handle-admitted.ts';
import { handleCompleted } from './pipeline/handle-completed.ts';
import { handleContactChanges, type ContactChangeDependencies } from './pipeline/handle-contact-changes.ts';
import { Housekeeping, type HousekeepingDependencies } from './pipeline/housekeeping.ts';
import { KnownFeedback } from './pipeline/known-feedback.ts';
import { KnownWorkflows } from './pipeline/known-workflows.ts';
import { ManageWorkflows } from './pipeline/manage-workflows.ts';
import { Outbox } from './pipeline/outbox.ts';
import type { OwnPartitions, PartitionState } from './pipeline/partition-state.ts';
import { ReadExecutions } from './pipeline/read-executions.ts';
import { RunByHand } from './pipeline/run-by-hand.ts';
import { carryOutRun, planSchedules, type ScheduleDependencies } from './pipeline/run-schedules.ts';
import { settleErasures, settleMerges } from './pipeline/settle-contacts.ts';
import { ScheduleWatch } from './pipeline/watch-schedules.ts';
import { TimerWatch } from './pipeline/watch-timers.ts';
import type { ContactMerges } from './ports.ts';
import type { TriggerParts } from './trigger.module.ts';

/** What is open when the flows are put together. */
export interface Open {
  readonly config: TriggerConfig;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly database: Database;
  readonly publisher: Publisher;
  readonly consumer: KafkaBatchServer;
  readonly progress: PinnedReader;
  readonly own: OwnPartitions;
}

export interface Composed {
  readonly parts: TriggerParts;
  readonly watch: TimerWatch;
  readonly scheduleWatch: ScheduleWatch;
  readonly housekeeping: Housekeeping;
  readonly outbox: Outbox;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

type Scheduling = Omit<ScheduleDependencies, 'schedules' | 'calendar' | 'partitionOf' | 'catchUpMs'> & {
  readonly partitionOfContact: PartitionOfContact;
  readonly onFault: (error: unknown) => void;
};

function composeSchedules(
  { partitionOfContact: partitionOf, onFault, ...shared }: Scheduling,
  database: Database,
  { scheduleCatchUpMinutes, schedulePollMs: everyMs }: TriggerConfig,
): ScheduleWatch {
  const schedules = scheduleStore(database);
  const catchUpMs = scheduleCatchUpMinutes * MINUTE_MS;
  const use = { ...shared, schedules, calendar: cronerCalendar, partitionOf, catchUpMs };
  return new ScheduleWatch({ plan: planSchedules(use), carryOut: carryOutRun(use), onFault, everyMs });
}

interface Beside extends Pick<HousekeepingDependencies, 'own' | 'outbox' | 'writer' | 'between' | 'onFault'> {
  readonly merges: ContactMerges;
  readonly erasing: EraseDependencies;
}

const composeHousekeeping = (
  { merges, erasing, ...beside }: Beside,
  database: Database,
  config: TriggerConfig,
): Housekeeping =>
  new Housekeeping({
    ...beside,
    settleMerges: () => settleMerges(merges, beside.onFault),
    settleErasures: () => settleErasures(erasing, beside.onFault),
    retention: retention(database),
    giveTurns: () => giveTurns(database),
    handledMs: config.handledHours * HOUR_MS,
    executionsMs: config.executionsDays * DAY_MS,
    nowMs: Date.now,
  });

const composeContactChanges = (
  shared: Omit<ContactChangeDependencies, 'heldSends' | 'erasures' | 'erase'>,
  erasing: EraseDependencies,
  database: Database,
): ReturnType<typeof handleContactChanges> =>
  handleContactChanges({
    ...shared,
    heldSends: heldSends(database),
    erasures: erasing.erasures,
    erase: (ref) => eraseContact(ref, erasing),
  });

const countRefusedUpdates = (metrics: Metrics) =>
  metrics.counter('refused_contact_updates_total', 'Updates that a contact did not take.');

/** Each is told and counted; what failed is done in its next round. */
function toldFaults(metrics: Metrics, logger: Logger): (error: unknown) => void {
  const faults = metrics.counter(
    'faults_beside_batches_total',
    'Work beside the batches that failed and is tried again.',
  );
  return (err) => {
    faults.inc();
    logger.warn({ err }, 'work beside the batches failed: tried again');
  };
}

/** The flows over their adapters. */
export function composeTrigger({
  config,
  logger,
  metrics,
  database,
  publisher,
  consumer,
  progress,
  own,
}: Open): Composed {
  const { contactPartitions, outcomePartitions } = config;
  const slack = contactPartitions * config.batchMessages;
  const admittedMetrics = flowMetrics(metrics, 'admitted');
  const conversionMetrics = flowMetrics(metrics, 'conversions');
  const timerMetrics = flowMetrics(metrics, 'timers');
  const refusedUpdates = countRefusedUpdates(metrics);
  const directory = new Directory(database);
  const contacts = directoryContacts(directory);
  const workflows = new KnownWorkflows(workflowReader(database));
  const executions = executionReader(database);
  const store = executionStore(database);
  const timers = timerReader(database);
  const partitionOfContact: PartitionOfContact = ({ organizationId, contactId }) =>
    partitionOf(contactKey(organizationId, contactId), contactPartitions);
  const writer = effectWriter(database, partitionOfContact);
  const merges = contactMerges(database, partitionOfContact);
  const outbox = new Outbox({
    writer,
    contacts,
    publisher: { publish: async (messages) => void (await publisher.publish([...messages])) },
    onRefusedUpdates: (count) => refusedUpdates.inc(count),
  });
  const between = (state: PartitionState, work: () => Promise<void>): Promise<void> =>
    consumer.between(ADMITTED, state.partition, work);
  const onFault = toldFaults(metrics, logger);
  const shared = { workflows, writer, contacts, outbox, newId: uuidv7 };
  const erasures = contactErasures(database);
  const erasing = { ...shared, erasures, timers, slack, partitionOf: partitionOfContact };
  observeTimers(metrics, own, timers);
  return {
    outbox,
    parts: {
      adminToken: config.adminToken,
      logger,
      metrics,
      directory,
      checks: {
        postgres: () => database.isReady(),
        kafka: () => consumer.isReady(),
        publisher: () => publisher.isReady(),
        progress: () => progress.isReady(),
      },
      admitted: {
        own,
        handle: handleAdmitted({
          ...shared,
          executions,
          feedback: new KnownFeedback(directoryFeedback(directory), {
            checkMs: config.feedbackCheckMs,
            nowMs: Date.now,
          }),
          outcomePartitions,
          slack,
          onConversions: (fates) => {
            for (const [fate, count] of fates) conversionMetrics.outcome(fate, count);
          },
          timed: admittedMetrics.timed,
        }),
        metrics: admittedMetrics,
      },
      contacts: {
        handle: composeContactChanges({ ...shared, executions, merges, slack }, erasing, database),
        metrics: flowMetrics(metrics, 'contacts'),
      },
      completed: {
        handle: handleCompleted({ ...shared, executions, timers, slack }),
        metrics: flowMetrics(metrics, 'completed'),
      },
      workflows: new ManageWorkflows({
        store: workflowStore(database, cronerCalendar),
        newId: uuidv7,
        nowMs: Date.now,
        calendar: cronerCalendar,
      }),
      executions: new ReadExecutions({ store, workflows }),
      byHand: new RunByHand({
        ...shared,
        store,
        reader: executions,
        timers,
        contactPartitions,
        onLeftOver: onFault,
      }),
    },
    watch: new TimerWatch({
      own,
      timers,
      fireDue: fireDue({ ...shared, timers, executions, chunk: config.timerChunk }),
      between,
      onFired: (count) => {
        if (count > 0) timerMetrics.batch(count);
        timerMetrics.outcome('fired', count);
      },
      onFault,
      everyMs: config.timerPollMs,
    }),
    scheduleWatch: composeSchedules(
      { ...shared, executions, timers, partitionOfContact, onFault },
      database,
      config,
    ),
    housekeeping: composeHousekeeping(
      { own, outbox, writer, between, onFault, merges, erasing },
      database,
      config,
    ),
  };
}
