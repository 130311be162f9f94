/**
 * The way of Nest's documentation: a microservice on ServerKafka, a handler per message, all six partitions at once. ROLE says which of the
 * three it is: `meter` (one EVALSHA, one insert, one message out), `trigger` (one query) or `timeline` (one insert).
 */
import { Controller, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientKafka,
  ClientsModule,
  Ctx,
  EventPattern,
  KafkaContext,
  Payload,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { Redis } from 'ioredis';
import pg from 'pg';
import { lastValueFrom } from 'rxjs';

const { KAFKA_BROKERS, DATABASE_URL, REDIS_URL, TOPIC_PREFIX, SOURCE_TOPIC, PARTITIONS, ROLE } = process.env;
const brokers = KAFKA_BROKERS!.split(',');
const ADMITTED = `${TOPIC_PREFIX}events.admitted.v1`;
const REFUSED = `${TOPIC_PREFIX}events.refused.v1`;
const HOT_WINDOW_SECONDS = 48 * 3_600;
const SCRIPT = `
if redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then
  redis.call('INCR', KEYS[2])
  return 'A'
end
return 'D'`;

const database = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const redis = new Redis(REDIS_URL!, { lazyConnect: true });
let sha = '';

/** Its own type knows of no parameter but the first, and of nothing in that. */
const On = EventPattern as (topic: string) => MethodDecorator;

interface Sent {
  readonly name: string;
  readonly properties: object;
  readonly uniqueId?: string;
}

const keyOf = (context: KafkaContext): string => String(context.getMessage().key);
const idOf = (context: KafkaContext): string => String(context.getMessage().headers!.ce_id);

@Controller()
class Meter {
  private readonly client: ClientKafka;

  constructor(@Inject('KAFKA') client: ClientKafka) {
    this.client = client;
  }

  @On(`${TOPIC_PREFIX}${SOURCE_TOPIC}`)
  async inbound(@Payload() event: Sent, @Ctx() context: KafkaContext): Promise<void> {
    const [key, id] = [keyOf(context), idOf(context)];
    const organization = key.split(':')[0]!;
    const keys = [
      `nest:${TOPIC_PREFIX}${organization}:${event.uniqueId ?? id}`,
      `nest:${TOPIC_PREFIX}${organization}`,
    ];
    const verdict = String(await redis.evalsha(sha, keys.length, ...keys, HOT_WINDOW_SECONDS));
    if (verdict === 'A')
      await database.query('INSERT INTO nest_ledger (event_id, contact) VALUES ($1, $2)', [id, key]);
    const { headers } = context.getMessage();
    const message = { key, value: JSON.stringify(event), headers };
    await lastValueFrom(this.client.emit(verdict === 'A' ? ADMITTED : REFUSED, message));
  }
}

@Controller()
class Trigger {
  @On(ADMITTED)
  async admitted(@Payload() event: Sent, @Ctx() context: KafkaContext): Promise<void> {
    await database.query('SELECT execution FROM nest_wait WHERE contact = $1 AND event_name = $2', [
      keyOf(context),
      event.name,
    ]);
  }
}

@Controller()
class Timeline {
  @On(ADMITTED)
  admitted(@Payload() event: Sent, @Ctx() context: KafkaContext): Promise<void> {
    return this.insert(event, context, false);
  }

  @On(REFUSED)
  refused(@Payload() event: Sent, @Ctx() context: KafkaContext): Promise<void> {
    return this.insert(event, context, true);
  }

  private async insert({ name, properties }: Sent, context: KafkaContext, isRefused: boolean): Promise<void> {
    const key = keyOf(context);
    await database.query(
      `INSERT INTO nest_event (id, organization, contact, name, occurred_at, refused, properties)
         VALUES ($1, $2, $3, $4, now(), $5, $6)`,
      [idOf(context), key.split(':')[0], key, name, isRefused, JSON.stringify(properties)],
    );
  }
}

const TABLES = {
  meter: [`CREATE TABLE IF NOT EXISTS nest_ledger (event_id text PRIMARY KEY, contact text NOT NULL)`],
  trigger: [
    `CREATE TABLE IF NOT EXISTS nest_wait (contact text, event_name text, execution uuid, PRIMARY KEY (contact, event_name, execution))`,
  ],
  timeline: [
    `CREATE TABLE IF NOT EXISTS nest_event (serial bigserial, id text PRIMARY KEY, organization text NOT NULL, contact text NOT NULL,
       name text NOT NULL, occurred_at timestamptz NOT NULL, refused boolean NOT NULL, properties jsonb NOT NULL)`,
    `CREATE INDEX IF NOT EXISTS nest_event_of_contact ON nest_event (contact, occurred_at, id)`,
    `CREATE INDEX IF NOT EXISTS nest_event_of_organization ON nest_event (organization, occurred_at, id)`,
  ],
};
const role = ROLE as keyof typeof TABLES;

@Module({
  imports: [
    ClientsModule.register([
      {
        name: 'KAFKA',
        transport: Transport.KAFKA,
        options: { client: { clientId: `nest-${role}`, brokers }, producerOnlyMode: true },
      },
    ]),
  ],
  controllers: [{ meter: Meter, trigger: Trigger, timeline: Timeline }[role]],
})
class NestService {}

for (const text of TABLES[role]) await database.query(text);
if (role === 'meter') {
  await redis.connect();
  sha = String(await redis.script('LOAD', SCRIPT));
}
const app = await NestFactory.createMicroservice<MicroserviceOptions>(NestService, {
  logger: ['error', 'warn'],
  transport: Transport.KAFKA,
  options: {
    client: { clientId: `nest-${role}`, brokers },
    consumer: { groupId: `${TOPIC_PREFIX}nest-${role}`, maxWaitTimeInMs: 100 },
    subscribe: { fromBeginning: true },
    run: { partitionsConsumedConcurrently: Number(PARTITIONS), autoCommitInterval: 1_000 },
  },
});
await app.listen();
