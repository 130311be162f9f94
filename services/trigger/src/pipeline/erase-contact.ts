import { advance } from '../domain/advance.ts';
import { EffectCollector } from '../domain/effects.ts';
import type { Execution } from '../domain/execution.ts';
import type { ContactErasures, ContactRef, Contacts, EffectWriter, TimerReader } from '../ports.ts';
import {
  toEffectsCommit,
  type EffectsCommitDependencies,
  type PartitionOfContact,
} from './effects-commit.ts';
import type { Outbox } from './outbox.ts';

export interface EraseDependencies extends EffectsCommitDependencies {
  readonly erasures: ContactErasures;
  readonly timers: Pick<TimerReader, 'nowMs'>;
  readonly contacts: Pick<Contacts, 'apply'>;
  readonly writer: EffectWriter;
  readonly outbox: Outbox;
  readonly partitionOf: PartitionOfContact;
}

/** Executions that one transaction ends. */
const CHUNK = 100;
const MAX_CONFLICTS = 20;

/**
 * Whoever is erased has no executions any more: those that run are cancelled, with their waits, timers and held sends, and of all of them
 * nothing is kept that their events and contact said. Done again it finds nothing to do.
 */
export async function eraseContact(ref: ContactRef, use: EraseDependencies): Promise<void> {
  await use.erasures.note(ref);
  await carryOut(ref, use);
}

/** Ends what was stored by somebody who did not know of the erasure yet. */
export async function settleErasure(ref: ContactRef, use: EraseDependencies): Promise<void> {
  await carryOut(ref, use);
  await use.erasures.settled(ref);
}

async function carryOut(ref: ContactRef, use: EraseDependencies): Promise<void> {
  for (let conflicts = 0; conflicts < MAX_CONFLICTS;) {
    const running = await use.erasures.running(ref, CHUNK);
    if (running.length === 0) return use.erasures.clear(ref);
    if (!(await cancel(running, use))) conflicts += 1;
  }
  throw new Error(`The executions of contact ${ref.contactId}, who was erased, kept changing.`);
}

/** `false`: one of them had changed meanwhile, and nothing was done. */
async function cancel(running: readonly Execution[], use: EraseDependencies): Promise<boolean> {
  const organizations = await use.workflows.load(running.map(({ organizationId }) => organizationId));
  const workflowOf = await use.workflows.workflowsOf(running, organizations);
  const nowMs = await use.timers.nowMs();
  const effects = new EffectCollector(use.newId);
  for (const execution of running) {
    const workflow = workflowOf(execution);
    if (!workflow) throw new Error(`The definition of execution ${execution.id} is missing.`);
    const input = { kind: 'cancel', reason: 'the contact was erased' } as const;
    const surroundings = { nowMs, contact: undefined, applyUpdates: use.contacts.apply };
    effects.add(execution, advance(workflow, execution, input, surroundings)!);
  }
  const commit = await toEffectsCommit(effects, { organizations, settings: {} }, use.partitionOf, use);
  if (!(await use.writer.commit(commit))) return false;
  await use.outbox.carryOut(commit.outbox);
  return true;
}
