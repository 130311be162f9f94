/** Deliveries of one organisation to one destination, which wait for each other and for nobody else. */
export interface Lane {
  readonly organizationId: string;
  readonly destination: string;
}

export interface ConcurrencyLimits {
  readonly total: number;
  readonly perOrganization: number;
  /** Of one organisation to one destination. */
  readonly perDestination: number;
}

const nameOf = ({ organizationId, destination }: Lane): string => `${organizationId} ${destination}`;

/** What is under way in this process, of one kind of actions. */
export class Load {
  private readonly byLane = new Map<string, { readonly lane: Lane; count: number }>();
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

  get underWay(): number {
    return this.count;
  }

  begun(lane: Lane): void {
    this.move(lane, 1);
  }

  ended(lane: Lane): void {
    this.move(lane, -1);
  }

  /** Nothing more of these may begin: a claim passes over them. */
  full(): { readonly organizations: readonly string[]; readonly lanes: readonly Lane[] } {
    const { perOrganization, perDestination } = this.limits;
    return {
      organizations: [...this.byOrganization].flatMap(([id, n]) => (n >= perOrganization ? [id] : [])),
      lanes: [...this.byLane.values()].flatMap(({ lane, count }) => (count >= perDestination ? [lane] : [])),
    };
  }

  /** How many of each lane may begin, within all limits: one of each in the given order, then a second, and so on. */
  allot(lanes: readonly Lane[]): { readonly lane: Lane; readonly take: number }[] {
    const takes = lanes.map((lane) => ({ lane, take: 0 }));
    const organizations = new Map(this.byOrganization);
    let free = this.free;
    for (let round = 0; round < this.limits.perDestination && free > 0; round++) {
      for (const given of takes) {
        const { organizationId } = given.lane;
        const inOrganization = organizations.get(organizationId) ?? 0;
        const inLane = (this.byLane.get(nameOf(given.lane))?.count ?? 0) + given.take;
        if (free === 0 || inOrganization >= this.limits.perOrganization) continue;
        if (given.take < round || inLane >= this.limits.perDestination) continue;
        given.take += 1;
        organizations.set(organizationId, inOrganization + 1);
        free -= 1;
      }
    }
    return takes.filter(({ take }) => take > 0);
  }

  private move(lane: Lane, by: number): void {
    this.count += by;
    const name = nameOf(lane);
    const inLane = (this.byLane.get(name)?.count ?? 0) + by;
    if (inLane > 0) this.byLane.set(name, { lane, count: inLane });
    else this.byLane.delete(name);
    const inOrganization = (this.byOrganization.get(lane.organizationId) ?? 0) + by;
    if (inOrganization > 0) this.byOrganization.set(lane.organizationId, inOrganization);
    else this.byOrganization.delete(lane.organizationId);
  }
}
