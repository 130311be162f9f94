import { contactKey, partitionOf, Problem } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { advance } from '../domain/advance.ts';
import { soleKey } from '../domain/decide-events.ts';
import { EffectCollector } from '../domain/effects.ts';
import { hasEnded, newExecution, toWorkflow, type Execution } from '../domain/execution.ts';
import type {
  Contacts,
  EffectWriter,
  ExecutionReader,
  ExecutionStore,
  TimerReader,
  WorkflowRecord,
} from '../ports.ts';
import type { KnownWorkflows } from './known-workflows.ts';
import { toOutbox, type Outbox } from './outbox.ts';

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
    data: Readonly<Record<string, unknown>>,
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
      const id = await this.tryStart(record, contactId, data);
      if (id !== undefined) return id;
    }
    throw new Problem('UNAVAILABLE', 'The workflow kept changing. Try again.');
  }

  private async tryStart(
    record: WorkflowRecord,
    contactId: string,
    properties: Readonly<Record<string, unknown>>,
  ): Promise<string | undefined> {
    const { organizationId } = record;
    const { contacts, newId } = this.use;
    const organizations = await this.use.workflows.load([organizationId]);
    const { version, statuses } = organizations.get(organizationId)!;
    const status = statuses.get(record.id) ?? record.status;
    if (status !== 'enabled') {
      throw new Problem('CONFLICT', `The workflow is ${status}: enable it before you start executions.`);
    }
    const workflow = toWorkflow({ ...record, status });
    const [nowMs, known] = await Promise.all([
      this.use.timers.nowMs(),
      contacts.load([{ organizationId, contactId }]),
    ]);
    const event = { eventId: null, name: null, properties };
    const execution = newExecution(workflow, { id: newId(), contactId, event, nowMs });
    await this.refuseSecond(execution);
    const effects = new EffectCollector(newId);
    const surroundings = { nowMs, contact: known.get(contactId), applyUpdates: contacts.apply };
    effects.add(undefined, advance(workflow, execution, { kind: 'start' }, surroundings)!);
    const stands = await this.carry(effects, new Map([[organizationId, version]]));
    return stands ? execution.id : undefined;
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
    return this.carry(effects);
  }

  private async refuseSecond({ sole, workflowId, contactId }: Execution): Promise<void> {
    if (!sole) return;
    const running = await this.use.reader.soleRuns([{ workflowId, contactId }]);
    if (running.some((run) => soleKey(run.workflowId, run.contactId) === soleKey(workflowId, contactId)))
      throw secondRun();
  }

  private async carry(effects: EffectCollector, unchanged?: ReadonlyMap<string, number>): Promise<boolean> {
    const partition = (of: { organizationId: string; contactId: string }) =>
      partitionOf(contactKey(of.organizationId, of.contactId), this.use.contactPartitions);
    const outbox = toOutbox(effects, partition, this.use.newId);
    if (!(await this.use.writer.commit({ effects, outbox, ...(unchanged && { unchanged }) }))) return false;
    // It has happened: the caller must not be told otherwise, and try again. What is left is carried out by the partition's owner.
    await this.use.outbox.carryOut(outbox).catch(this.use.onLeftOver);
    return true;
  }
}

const secondRun = (): Problem =>
  new Problem('CONFLICT', 'An execution of this contact is running, and the workflow allows one at a time.');
