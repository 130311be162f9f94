export type FleetService = 'ingest' | 'dedup-meter' | 'trigger' | 'timeline' | 'connectors';

export interface FleetSettings {
  /** How many processes of each. */
  readonly services: Partial<Record<FleetService, number>>;
  /** For all of them, and for some. */
  readonly env?: Readonly<Record<string, string>>;
  readonly envOf?: Partial<Record<FleetService, Readonly<Record<string, string>>>>;
  /** Services whose instances have a proxy each in front of Redis, Postgres and Kafka. Brings a broker of the fleet's own. */
  readonly behindProxies?: readonly FleetService[];
  /** A broker that may be killed. */
  readonly ownBroker?: boolean;
  /** Of the source topics: with `CreateTime` a test chooses the moment of receipt. */
  readonly sourceTimestamps?: 'CreateTime' | 'LogAppendTime';
  /** Put behind DATABASE_URL as its query: settings of the driver. */
  readonly databaseParameters?: Readonly<Record<string, string>>;
  /** Of the proxies' chance. */
  readonly seed?: number;
}

/** Of the topics of every fleet. */
export const PARTITIONS = { contact: 6, outcome: 4 };
