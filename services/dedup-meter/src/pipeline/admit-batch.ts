import { sourceName, type RawMessage } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import { strangerTo } from '../domain/log-mark.ts';
import { monthRuns, type MonthRun } from '../domain/month-runs.ts';
import type { Decision } from '../domain/verdict.ts';
import {
  Unavailable,
  type Judge,
  type KnownIdentities,
  type Ledger,
  type Log,
  type Observer,
  type SourceBatch,
} from '../ports.ts';
import type { Door } from './doors.ts';
import { StandingLost } from './judge-batch.ts';
import { OwnedSource } from './owned-source.ts';
import type { publishDecisions } from './publish-decisions.ts';
import type { repeatJournal } from './repeat-journal.ts';
import type { settleBatch } from './settle-batch.ts';

export interface AdmissionTools {
  readonly ledger: Ledger;
  readonly judge: Judge;
  readonly settle: ReturnType<typeof settleBatch>;
  readonly repeat: ReturnType<typeof repeatJournal>;
  readonly publish: ReturnType<typeof publishDecisions>;
  readonly observer: Observer;
  readonly log: Log;
  readonly clock: Clock;
  /** Counts up when the source topics are made anew, with offsets that begin at 0 again. */
  readonly generation: number;
}

/** A standing that is lost is raised again at once this often; after that the transport waits before it hands the batch over again. */
const MAX_STANDINGS = 5;

/**
 * The flow of a batch: own → repeat what was judged before → read → judge → commit → publish. Resolves when all of it is published;
 * whatever goes wrong, the batch may be handed over again, to this process or another.
 */
export class Admission {
  /** By topic and partition. */
  private readonly owned = new Map<string, OwnedSource>();
  private readonly tools: AdmissionTools;

  constructor(tools: AdmissionTools) {
    this.tools = tools;
  }

  async admit(door: Door, batch: SourceBatch): Promise<void> {
    const { ledger, observer, log } = this.tools;
    observer.batch(batch.topic, batch.messages.length);
    for (let standings = 1; ; standings++) {
      const source = await this.own(door, batch);
      try {
        return await this.work(door, source, batch);
      } catch (error) {
        // Whatever it was: what we believe of this source may be wrong now.
        this.owned.delete(keyOf(batch));
        if (!(error instanceof StandingLost) || batch.isStale() || standings === MAX_STANDINGS) throw error;
        log.warn(
          { source: source.name, because: error.because, err: error },
          'the standing of a source is lost, raising its term',
        );
        if (error.because === 'redis_lost') await this.endEpoch(ledger, source);
      }
    }
  }

  /** How far each source that this process owns has come. */
  progress(): Iterable<OwnedSource> {
    return this.owned.values();
  }

  forget(partitions: Iterable<{ readonly topic: string; readonly partition: number }>): void {
    for (const partition of partitions) this.owned.delete(keyOf(partition));
  }

  private async own(door: Door, batch: SourceBatch): Promise<OwnedSource> {
    const key = keyOf(batch);
    const known = this.owned.get(key);
    if (known?.assignment === batch.assignment) return known;
    if (batch.isStale()) throw new Unavailable('The partition belongs to another process now.');
    const name = sourceName(door.sourceTopic, this.tools.generation, batch.partition);
    const standing = await this.tools.ledger.raiseTerm(name);
    this.tools.observer.noticed('term_raised');
    refuseRecreatedTopic(name, standing.done, batch);
    const source = new OwnedSource(name, batch.assignment, standing);
    this.owned.set(key, source);
    return source;
  }

  private async work(door: Door, source: OwnedSource, batch: SourceBatch): Promise<void> {
    refuseStrangeLog(source, batch);
    const { done } = source;
    const judged = batch.messages.filter(({ offset }) => offset <= done);
    if (judged.length > 0) await this.repeatJudged(door, source, batch, judged);
    const fresh = judged.length === 0 ? batch.messages : batch.messages.filter(({ offset }) => offset > done);
    for (const run of monthRuns(fresh)) {
      if (batch.isStale()) throw new Unavailable('The partition belongs to another process now.');
      await this.admitRun(door, source, batch, run);
    }
  }

  private async repeatJudged(
    door: Door,
    source: OwnedSource,
    batch: SourceBatch,
    messages: readonly RawMessage[],
  ): Promise<void> {
    const { repeat, publish, observer } = this.tools;
    const { decisions, notices } = await repeat(door, source, messages);
    observer.noticed('repeated_from_journal', decisions.length);
    await publish(batch, source, { decisions, notices, messages });
  }

  private async admitRun(
    door: Door,
    source: OwnedSource,
    batch: SourceBatch,
    { month, messages }: MonthRun<RawMessage>,
  ): Promise<void> {
    const { settle, publish, observer } = this.tools;
    const { topic, committedOffset } = batch;
    const { readings, organizations } = await observer.timed(topic, 'read', () =>
      door.read(source.name, messages),
    );
    const settled = await settle(source, { month, readings, organizations, committedOffset }, topic);
    const { decisions, notices, known } = settled;
    await Promise.all([
      observer.timed(topic, 'publish', () => publish(batch, source, { decisions, notices, messages })),
      this.remember(known),
      this.mark(source, messages.at(-1)!),
    ]);
    countOutcomes(decisions, (outcome, count) => observer.outcome(topic, outcome, count));
  }

  /** Redis only caches identities: when it cannot be told, the ledger notices at the next one's commit. */
  private async remember(known: KnownIdentities): Promise<void> {
    if (known.events.length === 0) return;
    const { judge, observer, log } = this.tools;
    try {
      await judge.remember(known);
    } catch (error) {
      observer.noticed('remember_failed');
      log.warn(
        { err: error, events: known.events.length },
        'Redis was not told of identities that the ledger has',
      );
    }
  }

  private async mark(source: OwnedSource, { offset, timestampMs }: RawMessage): Promise<void> {
    const { ledger, clock } = this.tools;
    if (source.isMarkDue(clock.now())) {
      await ledger.mark(source.standing.sourceId, { offset, receivedAtMs: timestampMs });
    }
  }

  private async endEpoch(ledger: Ledger, { standing: { epoch } }: OwnedSource): Promise<void> {
    const { observer, log } = this.tools;
    observer.noticed('redis_lost');
    if (!(await ledger.endEpoch(epoch))) return;
    observer.noticed('epoch_ended');
    log.warn(
      { endedEpoch: epoch },
      'Redis was lost: all terms are raised, organisations are seeded from the ledger as they come',
    );
  }
}

const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}/${partition}`;

/** Offsets that were judged and do not exist yet: the topic is not the one that we know. */
function refuseRecreatedTopic(
  name: string,
  done: number,
  { topic, partition, highWatermark }: SourceBatch,
): void {
  if (done < highWatermark) return;
  throw new Unavailable(
    `${topic}[${partition}] ends at offset ${highWatermark}, but ${done} has been judged (${name}): ${MADE_ANEW}`,
  );
}

/** Offsets that were judged hold other records now. */
function refuseStrangeLog(
  { standing, name }: OwnedSource,
  { topic, partition, messages }: SourceBatch,
): void {
  const stranger = standing.mark && strangerTo(standing.mark, messages);
  if (!stranger) return;
  const receivedAt = new Date(stranger.timestampMs).toISOString();
  throw new Unavailable(
    `${topic}[${partition}] has at offset ${stranger.offset} a record that was received at ${receivedAt}, after ${name} had been judged up to ` +
      `offset ${standing.mark!.offset}: ${MADE_ANEW}`,
  );
}

const MADE_ANEW = 'the topic was made anew. Stop dedup-meter, raise SOURCE_GENERATION, start it again.';

function countOutcomes(
  decisions: readonly Decision[],
  count: (outcome: string, count: number) => void,
): void {
  const counts = new Map<string, number>();
  for (const { outcome } of decisions) counts.set(outcome.kind, (counts.get(outcome.kind) ?? 0) + 1);
  for (const [outcome, times] of counts) count(outcome, times);
}
