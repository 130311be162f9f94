import type { OwnPartition, PositionReader } from '../ports.ts';

/**
 * The positions of the partitions that this process owns, in memory: read once per assignment, then kept up with each commit.
 * A stale copy does no harm, the database refuses moves from it.
 */
export class KnownPositions {
  private readonly reader: PositionReader;
  private readonly held = new Map<string, { assignment: number; offsets: Map<string, number> }>();

  constructor(reader: PositionReader) {
    this.reader = reader;
  }

  async of(owner: OwnPartition, assignment: number): Promise<Map<string, number>> {
    const key = `${owner.topic}/${owner.partition}`;
    const held = this.held.get(key);
    if (held?.assignment === assignment) return held.offsets;
    const offsets = await this.reader.load(owner);
    this.held.set(key, { assignment, offsets });
    return offsets;
  }

  forget(owner: OwnPartition): void {
    this.held.delete(`${owner.topic}/${owner.partition}`);
  }
}
