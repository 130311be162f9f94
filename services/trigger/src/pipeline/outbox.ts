import {
  encodeExecution,
  encodeOutcomes,
  encodeRequestedAction,
  parseReplyTo,
  type Outcome,
} from '@trackline/contracts';
import type { Effects } from '../domain/effects.ts';
import type { Contacts, EffectWriter, Message, MessagePublisher, OutboxEntry } from '../ports.ts';

export interface OutboxDependencies {
  readonly writer: EffectWriter;
  readonly contacts: Contacts;
  readonly publisher: MessagePublisher;
  /** Told of updates that the directory refused. */
  readonly onRefusedUpdates?: (count: number) => void;
}

/** What the effects are to bring about outside, as it is stored with them. */
export function toOutbox(
  { progress, contactUpdates, subscriptions, actions, conversions }: Effects,
  partition: (of: { organizationId: string; contactId: string }) => number,
  newId: () => string,
): OutboxEntry[] {
  return [
    ...contactUpdates.map((body): OutboxEntry => ({
      id: newId(),
      partition: partition(body),
      kind: 'contact_update',
      body,
    })),
    ...subscriptions.map((body): OutboxEntry => ({
      id: newId(),
      partition: partition(body),
      kind: 'subscription',
      body,
    })),
    ...[...actions, ...conversions].map((body): OutboxEntry => ({
      id: newId(),
      partition: partition(body),
      kind: 'action',
      body,
    })),
    ...progress.map((body): OutboxEntry => ({
      id: body.id,
      partition: partition(body),
      kind: 'progress',
      body,
    })),
  ];
}

/**
 * One message for all outcomes that go to one instance of ingest. A partition that does not exist has no reader, and publishing
 * to it would hold up all the others.
 */
export function toAnswers(
  outcomes: readonly (Outcome & { readonly replyTo: string })[],
  outcomePartitions: number,
): Message[] {
  const byPartition = new Map<number, Outcome[]>();
  for (const { replyTo, ...outcome } of outcomes) {
    const to = parseReplyTo(replyTo);
    if (!to || to.partition < 0 || to.partition >= outcomePartitions) continue;
    const list = byPartition.get(to.partition);
    if (list) list.push(outcome);
    else byPartition.set(to.partition, [outcome]);
  }
  return [...byPartition].map(([partition, list]) => encodeOutcomes(partition, list));
}

/**
 * Carries out what a committed batch has left to do: changes of contacts first, so that whoever gets the answer finds them made, then
 * the messages. Every part of it can be done twice without harm. Entries are forgotten off the path; those of a process that dies
 * before are carried out again by the next owner of the partition.
 */
export class Outbox {
  private readonly use: OutboxDependencies;
  private readonly done: string[] = [];
  private forgetting: Promise<void> | undefined;

  constructor(use: OutboxDependencies) {
    this.use = use;
  }

  async carryOut(entries: readonly OutboxEntry[], answers: readonly Message[] = []): Promise<void> {
    const updates = entries.flatMap((entry) => (entry.kind === 'contact_update' ? [entry.body] : []));
    if (updates.length > 0) await this.updateContacts(updates);
    const subscriptions = entries.flatMap((entry) => (entry.kind === 'subscription' ? [entry.body] : []));
    if (subscriptions.length > 0) await this.use.contacts.subscribe(subscriptions);
    const messages = [...answers, ...entries.flatMap(toMessage)];
    if (messages.length > 0) await this.use.publisher.publish(messages);
    for (const { id } of entries) this.done.push(id);
  }

  /** What is in the outbox of a partition from an earlier owner or a failed attempt. Gives how many there were. */
  async carryOutLeftOver(partition: number): Promise<number> {
    let carried = 0;
    for (;;) {
      const entries = await this.use.writer.leftOver(partition, LEFT_OVER_CHUNK);
      if (entries.length === 0) return carried;
      await this.carryOut(entries);
      await this.forgetDone();
      carried += entries.length;
    }
  }

  /** Removes the entries that were carried out. One at a time; what fails is tried with the next. */
  forgetDone(): Promise<void> {
    this.forgetting ??= this.forgetAll().finally(() => (this.forgetting = undefined));
    return this.forgetting;
  }

  private async forgetAll(): Promise<void> {
    while (this.done.length > 0) {
      const chunk = this.done.slice(0, FORGET_CHUNK);
      await this.use.writer.forget(chunk);
      this.done.splice(0, chunk.length);
    }
  }

  private async updateContacts(updates: Parameters<Contacts['update']>[0]): Promise<void> {
    const refused = await this.use.contacts.update(updates);
    if (refused.length === 0) return;
    this.use.onRefusedUpdates?.(refused.length);
    const causes = [...new Set(refused.map(({ cause }) => cause))];
    await this.use.writer.noteRefusedUpdates(
      causes.map((cause) => {
        const [executionId, , visit] = cause.split('/');
        const reasons = refused
          .filter((one) => one.cause === cause)
          .map(({ field, reason }) => ({ field, reason }));
        return { executionId: executionId!, visit: Number(visit), refused: reasons };
      }),
    );
  }
}

function toMessage(entry: OutboxEntry): Message[] {
  const { partition } = entry;
  if (entry.kind === 'progress') return [{ ...encodeExecution(entry.body), partition }];
  if (entry.kind === 'action') return [{ ...encodeRequestedAction(entry.body), partition }];
  return [];
}

const LEFT_OVER_CHUNK = 200;
const FORGET_CHUNK = 5_000;
