/** What an event's sender is to find in the end. */
export type ModelVerdict =
  { readonly kind: 'admitted' | 'duplicate'; readonly eventId: string } | { readonly kind: 'over_limit' };

/** One organisation, as its customer understands what was sold: an event counts once, what is unique once, and of a month no more than the cap. */
export class ReferenceModel {
  hardCap: number | null = null;
  month = '';
  readonly used = new Map<string, number>();
  private readonly events = new Set<string>();
  private readonly uniques = new Map<string, string>();

  judge(eventId: string, unique: string | undefined): ModelVerdict {
    if (this.events.has(eventId)) return { kind: 'admitted', eventId };
    const first = unique === undefined ? undefined : this.uniques.get(unique);
    if (first !== undefined) return { kind: 'duplicate', eventId: first };
    if (this.room() === 0) return { kind: 'over_limit' };
    this.used.set(this.month, this.usedNow() + 1);
    this.events.add(eventId);
    if (unique !== undefined) this.uniques.set(unique, eventId);
    return { kind: 'admitted', eventId };
  }

  room(): number {
    return this.hardCap === null ? Infinity : Math.max(0, this.hardCap - this.usedNow());
  }

  private usedNow(): number {
    return this.used.get(this.month) ?? 0;
  }
}
