import { CONTACTS, decodeContactChange, type ContactChange, type RawMessage } from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';
import { decideSignals, type SignalDecision } from '../domain/decide-signals.ts';
import { NO_EFFECT, type Counts } from '../domain/effects.ts';
import type { Workflow } from '../domain/execution.ts';
import { NO_WORKFLOWS, startedBySignal } from '../domain/organization.ts';
import { isPast, movedPositions } from '../domain/positions.ts';
import type { ContactSignal, SignalKind } from '../domain/signal.ts';
import type {
  Commit,
  ContactErasures,
  ContactMerges,
  ContactRef,
  Contacts,
  EffectWriter,
  ExecutionReader,
  HeldSends,
} from '../ports.ts';
import type { Unreadable } from './decode-events.ts';
import { toEffectsCommit, type EffectsCommitDependencies } from './effects-commit.ts';
import type { Organizations } from './known-workflows.ts';
import { loadSettings } from './load-settings.ts';
import type { Outbox } from './outbox.ts';

export interface ContactChangeDependencies extends EffectsCommitDependencies {
  readonly executions: ExecutionReader;
  readonly contacts: Contacts;
  readonly writer: EffectWriter;
  readonly outbox: Outbox;
  readonly merges: ContactMerges;
  readonly heldSends: HeldSends;
  readonly erasures: Pick<ContactErasures, 'isErased'>;
  /** Ends all that runs for the contact. */
  readonly erase: (ref: ContactRef) => Promise<void>;
}

export interface ContactChangeBatch {
  readonly partition: number;
  readonly messages: readonly RawMessage[];
}

export type ChangesHandled = { readonly tally: SignalDecision['tally'] };

/** The topic's own offsets are the positions: it has no other source. */
const SOURCE = 'contacts';
const MAX_CONFLICTS = 20;

const KINDS: Readonly<Partial<Record<ContactChange['change'], SignalKind>>> = {
  created: 'contact_created',
  updated: 'contact_updated',
  subscribed: 'topic_subscribed',
  unsubscribed: 'topic_unsubscribed',
};

interface Signal extends ContactSignal {
  /** Of the change: the same when the directory publishes it twice. */
  readonly id: string;
}

/**
 * What happens to contacts themselves starts what it is to start, and what runs for a merged contact goes on for the other. A batch
 * that comes again is behind its position; a change that is published again, which the directory does after a crash, is known by its id
 * when it may have started something.
 */
export function handleContactChanges(use: ContactChangeDependencies) {
  return async (
    batch: ContactChangeBatch,
  ): Promise<ChangesHandled | Unreadable | { readonly contended: true }> => {
    const changes = decodeChanges(batch.messages);
    if ('reason' in changes) return changes;
    // Before anything starts, and again when the batch comes again: it is done as often without harm.
    for (const change of changes) await follow(change, use);
    const known = changes.filter(({ change }) => change === 'created' || change === 'updated');
    if (known.length > 0) await use.heldSends.lookAgain(known);
    const signals = changes.flatMap(toSignal);
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      const decision = await start(signals, batch, use);
      if (decision) return { tally: decision.tally };
    }
    return { contended: true };
  };
}

/** Merges and erasures of two contacts are told on different partitions: either may be heard of first. */
async function follow(
  { organizationId, contactId, change, into }: ContactChange,
  { merges, erasures, erase }: ContactChangeDependencies,
): Promise<void> {
  if (change === 'erased') await erase({ organizationId, contactId });
  if (change !== 'merged' || into === undefined || !isUuid(into)) return;
  const stayed = { organizationId, contactId: await merges.merge({ organizationId, contactId, into }) };
  if (await erasures.isErased(stayed)) await erase(stayed);
}

/** `undefined`: something that was read had changed by the time of the commit; nothing was done. */
async function start(
  all: readonly Signal[],
  { partition, messages }: ContactChangeBatch,
  use: ContactChangeDependencies,
): Promise<SignalDecision | undefined> {
  const before = await use.executions.positions(CONTACTS, partition);
  const told = all.filter(({ position }) => !isPast(before, position));
  const organizations = await use.workflows.load(
    told.filter(({ isByWorkflow }) => !isByWorkflow).map(({ organizationId }) => organizationId),
  );
  const fresh = await followed(told, organizations, use);
  const startable = fresh.filter((signal) => startedBy(signal, organizations).length > 0);
  const seen: ReadonlyMap<string, Counts> =
    startable.length > 0 ? await use.executions.handled(startable.map(({ id }) => id)) : new Map();
  const signals = withoutRepeats(fresh, seen);
  const world = await loadSignalWorld(signals, organizations, use);
  const decision = decideSignals(
    signals,
    { ...world, positions: before, organizations },
    { newId: use.newId, applyUpdates: use.contacts.apply },
  );
  const after = new Map(before);
  const last = messages.at(-1);
  if (last) after.set(SOURCE, Math.max(last.offset, before.get(SOURCE) ?? -1));
  const positions = { topic: CONTACTS, partition, moved: movedPositions(before, after) };
  if (!decision.hasEffects)
    return positions.moved.length === 0 || (await use.writer.commit({ positions })) ? decision : undefined;
  const commit = await toCommit(decision, startable, { world, organizations }, partition, use);
  if (!(await use.writer.commit({ positions, ...commit }))) return undefined;
  await use.outbox.carryOut(commit.outbox);
  return decision;
}

/**
 * Signals of a contact who was merged are those of the one that stayed; those of one who was erased start nothing: either may have been
 * told of before, or in this very batch.
 */
async function followed(
  signals: readonly Signal[],
  organizations: Organizations,
  { executions }: ContactChangeDependencies,
): Promise<readonly Signal[]> {
  const startable = signals.filter((signal) => startedBy(signal, organizations).length > 0);
  const aliases = startable.length > 0 ? await executions.aliases(startable) : new Map<string, null>();
  if (aliases.size === 0) return signals;
  return signals.map((signal) => {
    const contactId = aliases.get(signal.contactId);
    if (contactId === null) return { ...signal, isErased: true };
    return contactId === undefined ? signal : { ...signal, contactId };
  });
}

async function toCommit(
  { effects }: SignalDecision,
  startable: readonly Signal[],
  { world, organizations }: { world: SignalReads; organizations: Organizations },
  partition: number,
  use: ContactChangeDependencies,
): Promise<Commit & { readonly outbox: NonNullable<Commit['outbox']> }> {
  const handled = new Map<string, Counts>(startable.map(({ id }) => [id, NO_EFFECT]));
  const known = { organizations, settings: world };
  return toEffectsCommit({ ...effects, handled }, known, () => partition, use);
}

const startedBy = (signal: Signal, organizations: Organizations): readonly Workflow[] =>
  signal.isByWorkflow || signal.isErased
    ? []
    : startedBySignal(organizations.get(signal.organizationId) ?? NO_WORKFLOWS, signal);

type SignalReads = Awaited<ReturnType<typeof loadSignalWorld>>;

/** Reads only about contacts that may start something. */
async function loadSignalWorld(
  signals: readonly Signal[],
  organizations: Organizations,
  { executions, contacts }: ContactChangeDependencies,
) {
  const possible = signals.flatMap((signal) =>
    startedBy(signal, organizations).map((workflow) => ({ signal, workflow, contactId: signal.contactId })),
  );
  const refs = [...new Map(possible.map(({ signal }) => [signal.contactId, signal])).values()];
  const looking = possible.filter(({ workflow }) => workflow.looksBackMs > 0).map(({ signal }) => signal);
  const [known, settings, remembered] = await Promise.all([
    refs.length > 0 ? contacts.load(refs) : new Map<string, never>(),
    loadSettings(possible, executions),
    looking.length > 0 ? executions.remembered(looking) : new Map<string, never>(),
  ]);
  return { contacts: known, ...settings, remembered };
}

function withoutRepeats(signals: readonly Signal[], seen: ReadonlyMap<string, unknown>): Signal[] {
  const ids = new Set<string>(seen.keys());
  return signals.filter(({ id }) => !ids.has(id) && ids.add(id));
}

type Change = ContactChange & { readonly offset: number };

function decodeChanges(messages: readonly RawMessage[]): Change[] | Unreadable {
  const changes: Change[] = [];
  for (const message of messages) {
    try {
      changes.push({ ...checked(decodeContactChange(message)), offset: message.offset });
    } catch (error) {
      return { offset: message.offset, reason: 'undecodable', detail: (error as Error).message };
    }
  }
  return changes;
}

function checked(change: ContactChange): ContactChange {
  const { id, organizationId, contactId } = change;
  for (const [what, uuid] of Object.entries({ id, organizationId, contactId }))
    if (!isUuid(uuid)) throw new Error(`The ${what} "${uuid}" of the change is no UUID.`);
  return change;
}

function toSignal({ change, offset, cause, ...about }: Change): Signal[] {
  const { id, organizationId, contactId, topicId, channel, atMs } = about;
  const kind = KINDS[change];
  if (!kind) return [];
  const topic = { ...(topicId !== undefined && { topicId }), ...(channel !== undefined && { channel }) };
  const isByWorkflow = cause !== undefined;
  return [
    {
      id,
      kind,
      organizationId,
      contactId,
      ...topic,
      position: { source: SOURCE, offset },
      atMs,
      isByWorkflow,
    },
  ];
}
