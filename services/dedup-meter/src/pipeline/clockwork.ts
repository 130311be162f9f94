import { ADMITTED, encodeProgress } from '@trackline/contracts';
import type { Clock } from '@trackline/kernel';
import { TICK_TYPE } from '../domain/received-event.ts';
import type { Log, Outlet } from '../ports.ts';
import type { OwnedSource } from './owned-source.ts';

interface SourcePartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ClockworkTools {
  readonly outlet: Outlet;
  /** Sources that this process owns. */
  readonly sources: () => Iterable<OwnedSource>;
  /** Per partition of a topic, the offset that the next message gets. */
  readonly endOffsets: (topic: string) => Promise<ReadonlyMap<number, number>>;
  readonly clock: Clock;
  readonly log: Log;
  /** A partition that had nothing for so long gets a tick; 0: never. */
  readonly tickMs: number;
}

interface Watched {
  isBusy: boolean;
  lastActiveMs: number;
  decidedUpTo: number;
  /** Offset of the last tick; no other goes out before it has been decided. -1: none. */
  lastTick: number;
}

/** A batch that waits for a dependency is handed over more often than this; one that is not was given up by the transport. */
const BUSY_AT_MOST_MS = 60_000;

/**
 * Tells trigger's timers how far each source partition has been decided. The moment comes from records alone, never from a clock of ours;
 * where no event comes, a tick record carries it. Both are cheap: one small message a second and idle partition, one when a source has moved.
 */
export class Clockwork {
  private readonly watched = new Map<string, Watched & SourcePartition>();
  private readonly told = new WeakMap<OwnedSource, number>();
  private readonly placed = new WeakSet<OwnedSource>();
  private readonly tools: ClockworkTools;
  private isTelling = false;

  constructor(tools: ClockworkTools) {
    this.tools = tools;
  }

  watch(partitions: readonly SourcePartition[]): void {
    this.watched.clear();
    for (const { topic, partition } of partitions) {
      this.watched.set(`${topic}/${partition}`, {
        topic,
        partition,
        isBusy: false,
        lastActiveMs: this.tools.clock.now(),
        decidedUpTo: -1,
        lastTick: -1,
      });
    }
  }

  unwatch(partitions: readonly SourcePartition[]): void {
    for (const { topic, partition } of partitions) this.watched.delete(`${topic}/${partition}`);
  }

  /** A batch begins; the function that is returned ends it, with its last offset when all of it was decided. */
  begin({ topic, partition }: SourcePartition): (decidedUpTo?: number) => void {
    const watched = this.watched.get(`${topic}/${partition}`);
    if (!watched) return () => undefined;
    watched.isBusy = true;
    watched.lastActiveMs = this.tools.clock.now();
    return (decidedUpTo) => {
      // Not decided: the batch comes again, and nothing is idle until it is.
      if (decidedUpTo === undefined) return;
      watched.isBusy = false;
      watched.lastActiveMs = this.tools.clock.now();
      watched.decidedUpTo = decidedUpTo;
    };
  }

  /** Called every few hundred milliseconds. Never rejects. */
  async turn(): Promise<void> {
    await Promise.all([this.tick(), this.tellProgress()]);
  }

  private async tick(): Promise<void> {
    const { clock, tickMs } = this.tools;
    if (tickMs === 0) return;
    const nowMs = clock.now();
    const idle = [...this.watched.values()].filter(({ isBusy, lastTick, decidedUpTo, lastActiveMs }) => {
      const idleMs = nowMs - lastActiveMs;
      return idleMs >= (isBusy ? BUSY_AT_MOST_MS : tickMs) && lastTick <= decidedUpTo;
    });
    await Promise.all(idle.map((watched) => this.tickOne(watched)));
  }

  private async tickOne(watched: Watched & SourcePartition): Promise<void> {
    const { outlet, clock, log } = this.tools;
    const { topic, partition } = watched;
    watched.lastTick = Number.MAX_SAFE_INTEGER;
    watched.lastActiveMs = clock.now();
    try {
      const [acknowledged] = await outlet.publish([
        { topic, partition, key: null, value: null, headers: { ce_specversion: '1.0', ce_type: TICK_TYPE } },
      ]);
      watched.lastTick = acknowledged!.lastOffset;
    } catch (error) {
      watched.lastTick = -1;
      log.warn({ topic, partition, err: error }, 'an idle partition could not be given a tick');
    }
  }

  private async tellProgress(): Promise<void> {
    if (this.isTelling) return;
    const moved = [...this.tools.sources()].filter(
      (source) => source.decided.decidedUpToMs > (this.told.get(source) ?? 0),
    );
    if (moved.length === 0) return;
    this.isTelling = true;
    try {
      await this.placeEnds(moved);
      const messages = moved.map((source) => {
        const { decidedUpToMs, admittedEnds } = source.decided;
        this.told.set(source, decidedUpToMs);
        const ends = Object.fromEntries(admittedEnds);
        return {
          ...encodeProgress({ source: source.name, decidedUpToMs, admittedEnds: ends }),
          partition: 0,
        };
      });
      await this.tools.outlet.publish(messages);
    } catch (error) {
      for (const source of moved) this.told.delete(source);
      this.tools.log.warn(
        { err: error },
        'progress of the sources could not be told; the next turn tells it',
      );
    } finally {
      this.isTelling = false;
    }
  }

  /**
   * What former owners published stands below the ends that the partitions have now: all of it was acknowledged before its offsets were
   * committed, or is repeated by us.
   */
  private async placeEnds(sources: readonly OwnedSource[]): Promise<void> {
    const unplaced = sources.filter((source) => !this.placed.has(source));
    if (unplaced.length === 0) return;
    const ends = await this.tools.endOffsets(ADMITTED);
    for (const source of unplaced) {
      const { admittedEnds } = source.decided;
      for (const [partition, end] of ends) {
        admittedEnds.set(partition, Math.max(admittedEnds.get(partition) ?? 0, end));
      }
      this.placed.add(source);
    }
  }
}
