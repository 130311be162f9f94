import { sourceName, type SourceProgress } from '@trackline/contracts';
import { Frontier } from '../domain/frontier.ts';
import type { Positions } from '../domain/positions.ts';

/** What an instance keeps of a partition of the admitted events while it is assigned to it. */
export interface PartitionState {
  readonly partition: number;
  readonly assignment: number;
  readonly frontier: Frontier;
  /** `undefined`: to be read before they are used. */
  positions: Positions | undefined;
  /** Whether the outbox may hold what was not published. */
  mayHaveLeftOver: boolean;
}

export interface PartitionSettings {
  readonly contactPartitions: number;
  /** Of the source topics. */
  readonly sourceGeneration: number;
}

/** The partitions of this instance, and what is known of the sources, which concerns all of them. */
export class OwnPartitions {
  private readonly states = new Map<number, PartitionState>();
  private readonly progress = new Map<string, SourceProgress>();
  private readonly sources: readonly string[];

  constructor({ contactPartitions, sourceGeneration }: PartitionSettings) {
    this.sources = (['received', 'inbound'] as const).flatMap((topic) =>
      Array.from({ length: contactPartitions }, (_, partition) =>
        sourceName(topic, sourceGeneration, partition),
      ),
    );
  }

  /** `handledOffset`: everything below it has been handled by whoever owned the partition. */
  assigned(partition: number, assignment: number, handledOffset: number): PartitionState {
    const frontier = new Frontier(partition, this.sources, handledOffset);
    for (const progress of this.progress.values()) frontier.learn(progress);
    const state = { partition, assignment, frontier, positions: undefined, mayHaveLeftOver: true };
    this.states.set(partition, state);
    return state;
  }

  revoked(partition: number, assignment: number): void {
    if (this.states.get(partition)?.assignment === assignment) this.states.delete(partition);
  }

  /** Of this very assignment. */
  of(partition: number, assignment: number): PartitionState | undefined {
    const state = this.states.get(partition);
    return state?.assignment === assignment ? state : undefined;
  }

  all(): PartitionState[] {
    return [...this.states.values()];
  }

  learn(progress: SourceProgress): void {
    this.progress.set(progress.source, progress);
    for (const state of this.states.values()) state.frontier.learn(progress);
  }
}
