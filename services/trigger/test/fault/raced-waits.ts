import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ACTIONS_REQUESTED,
  ADMITTED,
  contactKey,
  decodeOutcomes,
  decodeRequestedAction,
  encodeAdmitted,
  encodeProgress,
  OUTCOMES,
  partitionOf,
  PROGRESS,
  sourceName,
  type AdmittedEvent,
} from '@trackline/contracts';
import { Directory } from '@trackline/directory';
import { readToEnd } from '@trackline/kafka';
import { createPool, type Database } from '@trackline/postgres';
import { eventually, httpClient, PARTITIONS, type Fleet } from '@trackline/testkit';

/** A wait and the event that races its deadline. */
export interface Race {
  readonly contactId: string;
  readonly deadlineMs: number;
  readonly crossing: AdmittedEvent;
}

const TIMEOUT_SECONDS = 3_600;
const STEP_MS = 40;

const calls = (id: string) => ({ id, type: 'webhook', config: { url: `https://example.com/${id}` } });
const DEFINITION = {
  name: 'raced',
  trigger: { type: 'event', eventName: 'begun' },
  settings: { maxConcurrentExecutions: 1_000_000 },
  steps: [
    {
      id: 'wait',
      type: 'wait_for_event',
      config: { eventName: 'crossed', timeoutSeconds: TIMEOUT_SECONDS },
      branches: { yes: [calls('yes')], no: [calls('no')] },
    },
  ],
};

/** Stands in for dedup-meter: admits events at the moment at which they are received, and tells how far it has got. */
export class RacedWaits {
  private readonly fleet: Fleet;
  private readonly database: Database;
  private readonly directory: Directory;
  private readonly organizationId: string;
  private readonly workflowId: string;
  private readonly offsets = new Map<string, number>();
  private readonly ends: Record<string, number> = {};
  private correlations = 0;

  private constructor(fleet: Fleet, database: Database, organizationId: string, workflowId: string) {
    this.directory = new Directory(database);
    this.fleet = fleet;
    this.database = database;
    this.organizationId = organizationId;
    this.workflowId = workflowId;
    for (let partition = 0; partition < PARTITIONS.contact; partition++) this.ends[partition] = 0;
  }

  static async open(fleet: Fleet): Promise<RacedWaits> {
    const databaseUrl = fleet.database.options.connectionString!;
    const database = createPool({ databaseUrl, max: 2, applicationName: 'raced-waits' });
    const directory = new Directory(database);
    const { id } = await directory.createOrganization({ name: 'Racing', plan: 'scale' });
    const created = await directory.createKey(id, { name: 'test' });
    const call = httpClient(fleet.instance('trigger').url, { key: created!.key });
    const { status, json, text } = await call('POST', '/v1/workflows?enable=true', { body: DEFINITION });
    if (status !== 201) throw new Error(text);
    return new RacedWaits(fleet, database, id, json.id);
  }

  close(): Promise<void> {
    return this.database.close();
  }

  /** So many waits of as many contacts, each with its deadline and the moment at which its event is received. */
  async races(
    count: number,
    when: (index: number) => { readonly deadlineMs: number; readonly crossedMs: number },
  ): Promise<Race[]> {
    const races: Race[] = [];
    while (races.length < count) {
      const items = Array.from({ length: Math.min(500, count - races.length) }, () => ({
        externalId: randomUUID(),
      }));
      for (const made of await this.directory.upsertContacts(this.organizationId, items)) {
        if (made.outcome !== 'created') throw new Error(`The contact was not made: ${made.outcome}`);
        const { deadlineMs, crossedMs } = when(races.length);
        const contactId = made.contact.id;
        races.push({ contactId, deadlineMs, crossing: this.event(contactId, 'crossed', crossedMs) });
      }
    }
    return races;
  }

  /** Begins all waits, each so long ago that it ends at its deadline. */
  async begin(races: readonly Race[]): Promise<void> {
    const starts = races.map(({ contactId, deadlineMs }) =>
      this.event(contactId, 'begun', deadlineMs - TIMEOUT_SECONDS * 1_000),
    );
    for (let at = 0; at < starts.length; at += 500) await this.admit(starts.slice(at, at + 500));
  }

  /** Lets time pass: events are admitted when their moment has come, and then it is said that everything up to it has been decided. */
  async run(races: readonly Race[]): Promise<void> {
    const crossings = races.map(({ crossing }) => crossing).sort((a, b) => a.receivedAtMs - b.receivedAtMs);
    const lastMs = Math.max(
      ...races.map(({ deadlineMs, crossing }) => Math.max(deadlineMs, crossing.receivedAtMs)),
    );
    for (let next = 0, nowMs = 0; nowMs <= lastMs;) {
      nowMs = Date.now();
      let end = next;
      while (end < crossings.length && crossings[end]!.receivedAtMs < nowMs) end += 1;
      await this.admit(crossings.slice(next, end));
      next = end;
      await this.decidedUpTo(nowMs);
      await sleep(STEP_MS);
    }
    await this.decidedUpTo(Date.now());
  }

  allWaiting(count: number): Promise<unknown> {
    return eventually(
      async () => {
        const waiting = await this.count(`status = 'waiting'`);
        if (waiting < count) throw new Error(`${waiting} of ${count} executions wait`);
        return true;
      },
      { withinMs: 60_000, everyMs: 100 },
    );
  }

  /** Every execution has ended, and what is left of the outbox has gone out. */
  allEnded(withinMs: number): Promise<unknown> {
    return eventually(
      async () => {
        const [running, left] = [
          await this.count('ended_at IS NULL'),
          await this.database.query<{ count: number }>({
            text: 'SELECT count(*)::int AS count FROM trigger.outbox',
          }),
        ];
        if (running > 0) throw new Error(`${running} executions have not ended`);
        if (left.rows[0]!.count > 0) throw new Error(`${left.rows[0]!.count} rows are left in the outbox`);
        return true;
      },
      { withinMs, everyMs: 200 },
    );
  }

  /** Holds executions, answers and requested actions against what was received when. */
  async assertEndedAsReceived(races: readonly Race[]): Promise<void> {
    const expected = new Map(
      races.map(({ contactId, deadlineMs, crossing }) => [
        contactId,
        crossing.receivedAtMs < deadlineMs ? ('yes' as const) : ('no' as const),
      ]),
    );
    const executions = await this.branches();
    const problems: string[] = [];
    if (executions.length !== races.length)
      problems.push(`${executions.length} executions of ${races.length} waits`);
    for (const { id, contactId, branches } of executions)
      if (branches.length !== 1 || branches[0] !== expected.get(contactId))
        problems.push(
          `execution ${id} took ${branches.join(' and ') || 'nothing'}, not ${expected.get(contactId)}`,
        );
    const yes = [...expected.values()].filter((branch) => branch === 'yes').length;
    await this.compareAnswers(races, yes, problems);
    await this.compareActions(
      new Map(executions.map(({ id, contactId }) => [id, expected.get(contactId)!])),
      problems,
    );
    if (problems.length > 0)
      throw new Error(`${problems.length} things went wrong:\n  ${problems.slice(0, 12).join('\n  ')}`);
  }

  private async branches(): Promise<{ id: string; contactId: string; branches: string[] }[]> {
    const { rows } = await this.database.query<{ id: string; contact_id: string; branches: string[] }>({
      text: `SELECT e.id, e.contact_id, array_remove(array_agg(s.branch), NULL) AS branches
             FROM trigger.execution e JOIN trigger.step s ON s.execution_id = e.id AND s.step_id = 'wait'
             WHERE e.workflow_id = $1 GROUP BY e.id`,
      values: [this.workflowId],
    });
    return rows.map((row) => ({ id: row.id, contactId: row.contact_id, branches: row.branches }));
  }

  /** Whoever is answered twice is told the same; all answers together add up. */
  private async compareAnswers(races: readonly Race[], yes: number, problems: string[]): Promise<void> {
    const answers = new Map<string, number>();
    await readToEnd({
      connection: this.fleet.kafka,
      topic: OUTCOMES,
      onMessage: (message) => {
        for (const { eventId, executionsResumed } of decodeOutcomes(message)) {
          const before = answers.get(eventId);
          if (before !== undefined && before !== executionsResumed)
            problems.push(`event ${eventId} was answered with ${before} and ${executionsResumed}`);
          answers.set(eventId, executionsResumed);
        }
      },
    });
    const ofCrossings = races.map(({ crossing }) => answers.get(crossing.eventId));
    const unanswered = ofCrossings.filter((answer) => answer === undefined).length;
    if (unanswered > 0) problems.push(`${unanswered} events were not answered`);
    const resumed = ofCrossings.reduce<number>((sum, answer) => sum + (answer ?? 0), 0);
    if (resumed !== yes) problems.push(`the answers add up to ${resumed} resumed executions, not ${yes}`);
  }

  /** A message may come twice, word for word; an action is one. */
  private async compareActions(expected: ReadonlyMap<string, string>, problems: string[]): Promise<void> {
    const requested = new Map<string, Set<string>>();
    await readToEnd({
      connection: this.fleet.kafka,
      topic: ACTIONS_REQUESTED,
      onMessage: (message) => {
        const action = decodeRequestedAction(message);
        if (action.kind === 'conversion') return;
        const { executionId, id, stepId } = action;
        requested.set(executionId, (requested.get(executionId) ?? new Set()).add(`${stepId} as ${id}`));
      },
    });
    for (const [executionId, branch] of expected) {
      const actions = [...(requested.get(executionId) ?? [])];
      if (actions.length !== 1 || !actions[0]!.startsWith(`${branch} as `))
        problems.push(`execution ${executionId} requested ${actions.join(', ') || 'nothing'}, not ${branch}`);
    }
    if (requested.size !== expected.size) problems.push(`${requested.size} executions requested something`);
  }

  private event(contactId: string, name: string, receivedAtMs: number): AdmittedEvent {
    const { organizationId } = this;
    return {
      eventId: randomUUID(),
      organizationId,
      contactId,
      name,
      source: `/organizations/${organizationId}/http`,
      backfill: false,
      properties: '{}',
      receivedAtMs,
      occurredAtMs: receivedAtMs,
      // Given when it is admitted: offsets are in the order of that.
      position: { source: sourceName('received', 1, this.partition(contactId)), offset: -1 },
      monthUsed: 1,
      replyTo: `0/c${this.correlations++}`,
    };
  }

  private partition(contactId: string): number {
    return partitionOf(contactKey(this.organizationId, contactId), PARTITIONS.contact);
  }

  private async admit(events: readonly AdmittedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const acks = await this.fleet.publisher.publish(
      events.map((event) => {
        const { source } = event.position;
        const offset = this.offsets.get(source) ?? 0;
        this.offsets.set(source, offset + 1);
        return {
          ...encodeAdmitted({ ...event, position: { source, offset } }),
          topic: ADMITTED,
          partition: this.partition(event.contactId),
        };
      }),
    );
    for (const { partition, lastOffset } of acks)
      this.ends[partition] = Math.max(this.ends[partition]!, Number(lastOffset) + 1);
  }

  private async decidedUpTo(decidedUpToMs: number): Promise<void> {
    const sources = (['received', 'inbound'] as const).flatMap((topic) =>
      Array.from({ length: PARTITIONS.contact }, (_, partition) => sourceName(topic, 1, partition)),
    );
    await this.fleet.publisher.publish(
      sources.map((source) => ({
        ...encodeProgress({ source, decidedUpToMs, admittedEnds: { ...this.ends } }),
        topic: PROGRESS,
        partition: 0,
      })),
    );
  }

  private async count(where: string): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>({
      text: `SELECT count(*)::int AS count FROM trigger.execution WHERE workflow_id = $1 AND ${where}`,
      values: [this.workflowId],
    });
    return rows[0]!.count;
  }
}
