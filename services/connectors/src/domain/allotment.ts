/** Deliveries of one organisation to one destination, which wait for each other and for nobody else. */
export interface Queue {
  readonly organizationId: string;
  readonly destination: string;
}

export interface ConcurrencyLimits {
  readonly total: number;
  readonly perOrganization: number;
  /** Of one organisation to one destination. */
  readonly perDestination: number;
}

const nameOf = ({ organizationId, destination }: Queue): string => `${organizationId} ${destination}`;

/** What is under way in this process, of one kind of actions. */
export class Load {
  private readonly byQueue = new Map<string, { readonly queue: Queue; count: number }>();
  private readonly byOrganization = new Map<string, number>();
  private readonly limits: ConcurrencyLimits;
  private count = 0;

  constructor(limits: ConcurrencyLimits) {
    this.limits = limits;
  }

  /** How many more may begin. */
  get free(): number {
    return this.limits.total - this.count;
  }

  begun(queue: Queue): void {
    this.move(queue, 1);
  }

  ended(queue: Queue): void {
    this.move(queue, -1);
  }

  /** Nothing more of these may begin: a claim passes over them. */
  full(): { readonly organizations: readonly string[]; readonly queues: readonly Queue[] } {
    const { perOrganization, perDestination } = this.limits;
    return {
      organizations: [...this.byOrganization].flatMap(([id, n]) => (n >= perOrganization ? [id] : [])),
      queues: [...this.byQueue.values()].flatMap(({ queue, count }) =>
        count >= perDestination ? [queue] : [],
      ),
    };
  }

  /** How many of each queue may begin, within all limits: one of each in the given order, then a second, and so on. */
  allot(queues: readonly Queue[]): { readonly queue: Queue; readonly take: number }[] {
    const takes = queues.map((queue) => ({ queue, take: 0 }));
    const organizations = new Map(this.byOrganization);
    let free = this.free;
    for (let round = 0; round < this.limits.perDestination && free > 0; round++) {
      for (const given of takes) {
        const { organizationId } = given.queue;
        const inOrganization = organizations.get(organizationId) ?? 0;
        const inQueue = (this.byQueue.get(nameOf(given.queue))?.count ?? 0) + given.take;
        if (free === 0 || inOrganization >= this.limits.perOrganization) continue;
        if (given.take < round || inQueue >= this.limits.perDestination) continue;
        given.take += 1;
        organizations.set(organizationId, inOrganization + 1);
        free -= 1;
      }
    }
    return takes.filter(({ take }) => take > 0);
  }

  private move(queue: Queue, by: number): void {
    this.count += by;
    const name = nameOf(queue);
    const inQueue = (this.byQueue.get(name)?.count ?? 0) + by;
    if (inQueue > 0) this.byQueue.set(name, { queue, count: inQueue });
    else this.byQueue.delete(name);
    const inOrganization = (this.byOrganization.get(queue.organizationId) ?? 0) + by;
    if (inOrganization > 0) this.byOrganization.set(queue.organizationId, inOrganization);
    else this.byOrganization.delete(queue.organizationId);
  }
}
