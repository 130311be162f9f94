import {
  contactKey,
  MAX_CONTACT_EXECUTIONS,
  partitionOf,
  Problem,
  type EntryRefusal,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { advance, retryProblem } from '../domain/advance.ts';
import { entryKey } from '../domain/board.ts';
import { EffectCollector } from '../domain/effects.ts';
import { isCrowded, isFull, NEVER_ENTERED, refusalOf } from '../domain/entry.ts';
import { hasEnded, newExecution, toWorkflow, type Execution, type Workflow } from '../domain/execution.ts';
import type { SentProperties } from '../domain/fields.ts';
import type { RememberedEvent } from '../domain/remembered.ts';
import type {
  Commit,
  ContactRef,
  Contacts,
  EffectWriter,
  ExecutionReader,
  ExecutionStore,
  TimerReader,
  WorkflowRecord,
} from '../ports.ts';
import { toEffectsCommit, type DecidedOn } from './effects-commit.ts';
import { loadSettings, type SettingsFacts } from './load-settings.ts';
import type { KnownWorkflows } from './known-workflows.ts';
import type { Outbox } from './outbox.ts';

export interface ByHandDependencies {
  readonly store: ExecutionStore;
  readonly reader: ExecutionReader;
  readonly timers: TimerReader;
  readonly workflows: KnownWorkflows;
  readonly writer: EffectWriter;
  readonly contacts: Contacts;
  readonly outbox: Outbox;
  readonly newId: () => string;
  readonly contactPartitions: number;
  /** Hears why what follows a change could not be carried out at once. */
  readonly onLeftOver: (error: unknown) => void;
}

/** The state that was read is changed by others now and then; more often than this in a row it is not. */
const MAX_ATTEMPTS = 10;

/** `refusal`: nothing was started, and that is counted. */
interface Started {
  readonly id: string;
  readonly refusal: EntryRefusal | undefined;
}

/** What people do to executions, on whichever instance their request reaches. Refusals are thrown as `Problem`. */
export class RunByHand {
  private readonly use: ByHandDependencies;

  constructor(use: ByHandDependencies) {
    this.use = use;
  }

  /** Starts an execution and gives its id. */
  async start(
    record: WorkflowRecord,
    by: { contactId?: string; contactEmail?: string },
    data: SentProperties,
  ): Promise<string> {
    const contactId = await this.use.contacts.find(record.organizationId, by);
    if (contactId === undefined) {
      throw new Problem(
        'CONTACT_NOT_FOUND',
        'There is no such contact: give the contactId or contactEmail of one.',
        {
          error: 'Contact not found',
        },
      );
    }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const started = await this.tryStart(record, contactId, data);
      if (started?.refusal) throw refused(started.refusal);
      if (started) return started.id;
    }
    throw new Problem('UNAVAILABLE', 'The workflow kept changing. Try again.');
  }

  private async tryStart(
    record: WorkflowRecord,
    contactId: string,
    data: SentProperties,
  ): Promise<Started | undefined> {
    const { organizationId } = record;
    const { contacts, newId } = this.use;
    const organizations = await this.use.workflows.load([organizationId]);
    const { version, statuses } = organizations.get(organizationId)!;
    const status = statuses.get(record.id) ?? record.status;
    if (status !== 'enabled') {
      throw new Problem('CONFLICT', `The workflow is ${status}: enable it before you start executions.`);
    }
    const workflow = toWorkflow({ ...record, status });
    const [nowMs, known, settings, remembered] = await Promise.all([
      this.use.timers.nowMs(),
      contacts.load([{ organizationId, contactId }]),
      loadSettings([{ workflow, contactId }], this.use.reader),
      this.remembered(workflow, { organizationId, contactId }),
    ]);
    const event = { eventId: null, name: null, ...data };
    const execution = newExecution(workflow, { id: newId(), contactId, event, nowMs });
    const effects = new EffectCollector(newId);
    const refusal = refusalByHand(workflow, contactId, settings, nowMs);
    const surroundings = {
      nowMs,
      contact: known.get(contactId),
      applyUpdates: contacts.apply,
      remembered: remembered.get(contactId) ?? [],
    };
    if (refusal) effects.refuse(execution, refusal);
    else effects.add(undefined, advance(workflow, execution, { kind: 'start' }, surroundings)!);
    const unchanged = new Map([[organizationId, version]]);
    const isStored = await this.carry(effects, { organizations, settings }, unchanged);
    return isStored ? { id: execution.id, refusal } : undefined;
  }

  /** Cancelling what was cancelled before changes nothing. */
  async cancel(organizationId: string, id: string): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const execution = isUuid(id) ? await this.use.store.find(organizationId, id) : undefined;
      if (!execution) throw new Problem('NOT_FOUND', 'There is no such execution.');
      if (execution.status === 'cancelled') return;
      if (hasEnded(execution)) {
        throw new Problem('CONFLICT', `The execution has ended before: it is ${execution.status}.`);
      }
      if (await this.tryCancel(execution)) return;
    }
    throw new Problem('UNAVAILABLE', 'The execution kept changing. Try again.');
  }

  private async tryCancel(execution: Execution): Promise<boolean> {
    const organizations = await this.use.workflows.load([execution.organizationId]);
    const workflow = (await this.use.workflows.workflowsOf([execution], organizations))(execution);
    if (!workflow) throw new Error(`The definition of execution ${execution.id} is missing.`);
    const nowMs = await this.use.timers.nowMs();
    const moved = advance(
      workflow,
      execution,
      { kind: 'cancel', reason: 'cancelled by hand' },
      { nowMs, contact: undefined, applyUpdates: this.use.contacts.apply },
    );
    const effects = new EffectCollector(this.use.newId);
    effects.add(execution, moved!);
    return this.carry(effects, { organizations, settings: {} });
  }

  /** A failed execution goes on from the step that failed it, with the definition that it started with. */
  async retry(organizationId: string, id: string): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const execution = isUuid(id) ? await this.use.store.find(organizationId, id) : undefined;
      if (!execution) throw new Problem('NOT_FOUND', 'There is no such execution.');
      if (await this.tryRetry(execution)) return;
    }
    throw new Problem('UNAVAILABLE', 'The execution kept changing. Try again.');
  }

  private async tryRetry(execution: Execution): Promise<boolean> {
    const { organizationId, contactId } = execution;
    const organizations = await this.use.workflows.load([organizationId]);
    const workflow = (await this.use.workflows.workflowsOf([execution], organizations))(execution);
    if (!workflow) throw new Error(`The definition of execution ${execution.id} is missing.`);
    const problem = retryProblem(execution, workflow);
    if (problem !== undefined) throw new Problem('CONFLICT', problem);
    const [nowMs, contacts, remembered, settings] = await Promise.all([
      this.use.timers.nowMs(),
      this.use.contacts.load([execution]),
      this.remembered(workflow, execution),
      loadSettings([{ workflow, contactId }], this.use.reader),
    ]);
    if (execution.sole && settings.soleRuns.has(entryKey(workflow.id, contactId)))
      throw refused('already_running');
    if (isFull(workflow.definition.settings, settings.running.get(workflow.id) ?? 0))
      throw refused('max_concurrent_executions');
    if (isCrowded(workflow, settings.runningOfContacts.get(contactId) ?? 0))
      throw refused('max_contact_executions');
    const effects = new EffectCollector(this.use.newId);
    const surroundings = {
      nowMs,
      contact: contacts.get(contactId),
      applyUpdates: this.use.contacts.apply,
      remembered: remembered.get(contactId) ?? [],
    };
    effects.add(execution, advance(workflow, execution, { kind: 'retry' }, surroundings)!);
    const unchanged = new Map([[organizationId, organizations.get(organizationId)?.version ?? 0]]);
    const revived = [execution.id];
    return this.carry(effects, { organizations, settings: { ...settings, revived } }, unchanged);
  }

  private remembered(
    { looksBackMs }: Workflow,
    ref: ContactRef,
  ): Promise<ReadonlyMap<string, readonly RememberedEvent[]>> {
    return looksBackMs > 0 ? this.use.reader.remembered([ref]) : Promise.resolve(new Map());
  }

  /** Other instances decide on the same contacts: these commits always go alone. */
  private async carry(
    effects: EffectCollector,
    decidedOn: DecidedOn,
    unchanged?: Commit['unchanged'],
  ): Promise<boolean> {
    const partition = (of: { organizationId: string; contactId: string }) =>
      partitionOf(contactKey(of.organizationId, of.contactId), this.use.contactPartitions);
    const commit = await toEffectsCommit(effects, decidedOn, partition, { ...this.use, slack: Infinity });
    if (!(await this.use.writer.commit({ ...commit, ...(unchanged && { unchanged }) }))) return false;
    // It has happened: the caller must not be told otherwise, and try again. What is left is carried out by the partition's owner.
    await this.use.outbox.carryOut(commit.outbox).catch(this.use.onLeftOver);
    return true;
  }
}

/** Why it may not begin: whoever starts it is told, and it counts as a refused entry like any other. */
function refusalByHand(
  workflow: Workflow,
  contactId: string,
  facts: SettingsFacts,
  nowMs: number,
): EntryRefusal | undefined {
  const entry = facts.entries.get(entryKey(workflow.id, contactId)) ?? NEVER_ENTERED;
  const isRunning = entry.isRunning || facts.soleRuns.has(entryKey(workflow.id, contactId));
  const running = {
    ofWorkflow: facts.running.get(workflow.id) ?? 0,
    ofContact: facts.runningOfContacts.get(contactId) ?? 0,
  };
  return refusalOf(workflow, { ...entry, isRunning }, running, nowMs);
}

const refused = (reason: EntryRefusal): Problem =>
  new Problem('CONFLICT', REFUSED[reason], { extra: { reason } });

const REFUSED: Readonly<Record<EntryRefusal, string>> = {
  already_running: 'An execution of this contact is running, and the workflow allows one at a time.',
  reentry_delay:
    'The contact may not enter again yet: reentryDelaySeconds have not passed since its last execution ended.',
  contact_cooldown:
    'The contact may not enter again yet: contactCooldownSeconds have not passed since its last execution started.',
  max_concurrent_executions: 'As many executions are running as maxConcurrentExecutions allows.',
  max_contact_executions: `The contact has ${MAX_CONTACT_EXECUTIONS} executions running, and the workflow waits for an event.`,
};
