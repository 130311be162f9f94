import { Channels, purgeAdClicks, type Directory } from '@trackline/directory';
import { systemClock, uuidv7 } from '@trackline/kernel';
import type { Publisher } from '@trackline/kafka';
import type { Logger, Metrics } from '@trackline/observability';
import type { Database } from '@trackline/postgres';
import { directoryContacts } from './adapters/directory/directory-contacts.ts';
import { directoryPeople } from './adapters/directory/directory-people.ts';
import type { WhatsappDoor } from './adapters/http/whatsapp-webhook.controller.ts';
import type { AcknowledgedSettings } from './adapters/kafka/acknowledged.ts';
import { kafkaConversationLog } from './adapters/kafka/conversation-log.ts';
import { kafkaEventLog } from './adapters/kafka/event-log.ts';
import { postgresLinks, purgeLinks, purgeMerged } from './adapters/postgres/contact-links.ts';
import { postgresWebhookBodies, purgeBodies } from './adapters/postgres/webhook-bodies.ts';
import { WakeablePause, type BackgroundWork } from './background-work.ts';
import type { IngestConfig } from './config.ts';
import { forgetOld } from './pipeline/forget-old.ts';
import { identifyProvisionals } from './pipeline/identify-provisional.ts';
import { receivingWebhooks, type ReceiveWebhook, type WebhookOutcome } from './pipeline/receive-webhook.ts';
import { recordingConversations, type RecordConversations } from './pipeline/record-conversations.ts';
import type { Links, People, WebhookBodies } from './ports.ts';

export interface WhatsappSettings {
  readonly config: Pick<
    IngestConfig,
    | 'contactPartitions'
    | 'publishTimeoutMs'
    | 'secretsKey'
    | 'contactChangesPollMs'
    | 'webhookBodiesKeptDays'
    | 'contactLinksKeptDays'
  >;
  readonly logger: Logger;
  readonly connections: {
    readonly database: Database;
    readonly directory: Directory;
    readonly publisher: Publisher;
  };
}

/** What the webhook, the conversations API and the replay of webhooks share. */
export interface Whatsapp {
  readonly channels: Channels;
  readonly people: People;
  readonly links: Links;
  readonly bodies: WebhookBodies;
  readonly receive: ReceiveWebhook;
  readonly recordConversations: RecordConversations;
  /** Ends the wait of `identifyProvisionals`. */
  readonly pause: WakeablePause;
}

export function composeWhatsapp({ config, logger, connections }: WhatsappSettings): Whatsapp {
  const { database, directory, publisher } = connections;
  const { contactPartitions, publishTimeoutMs: timeoutMs, secretsKey } = config;
  const log: AcknowledgedSettings = { publisher, contactPartitions, timeoutMs, logger };
  const people = directoryPeople(directory);
  const links = postgresLinks(database, systemClock, people);
  const pause = new WakeablePause();
  const onIdentified = (): void => pause.wake();
  const conversations = kafkaConversationLog(log);
  return {
    channels: new Channels(database, { secretsKey }),
    people,
    links,
    bodies: postgresWebhookBodies(database),
    receive: receivingWebhooks({
      people,
      links,
      clicks: { note: (clicks) => directory.noteAdClicks(clicks) },
      log: kafkaEventLog(log),
      conversations,
      onIdentified,
    }),
    recordConversations: recordingConversations({
      contacts: directoryContacts(directory),
      links,
      conversations,
      newId: uuidv7,
      onIdentified,
    }),
    pause,
  };
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Bodies are large, links are not. */
const BODIES_AT_ONCE = 100;
const LINKS_AT_ONCE = 5_000;

/** What runs beside the requests: provisional contacts become people, and what is old is forgotten. */
export function runWhatsapp(
  { people, links, pause }: Whatsapp,
  { config, logger, connections: { database } }: WhatsappSettings,
  background: BackgroundWork,
): void {
  background.run('provisional contacts', (signal) =>
    identifyProvisionals(
      {
        people,
        links,
        onFault: (err, identified) =>
          logger.warn({ err, ...identified }, 'a provisional contact was not merged; it is tried again'),
        idleMs: config.contactChangesPollMs,
        pause: (ms, until) => pause.wait(ms, until),
      },
      signal,
    ),
  );
  const before = (ageMs: number): Date => new Date(systemClock.now() - ageMs);
  const old = [
    {
      name: 'webhook bodies',
      days: config.webhookBodiesKeptDays,
      portion: BODIES_AT_ONCE,
      purge: purgeBodies,
    },
    { name: 'contact links', days: config.contactLinksKeptDays, portion: LINKS_AT_ONCE, purge: purgeLinks },
    { name: 'ad clicks', days: config.contactLinksKeptDays, portion: LINKS_AT_ONCE, purge: purgeAdClicks },
    {
      name: 'merged contacts',
      days: config.contactLinksKeptDays,
      portion: LINKS_AT_ONCE,
      purge: purgeMerged,
    },
  ];
  for (const { name, days, portion, purge } of old) {
    background.run(`old ${name}`, (signal) =>
      forgetOld(
        {
          forget: (ageMs, limit) => purge(database, before(ageMs), limit),
          keptMs: days * DAY_MS,
          portion,
          onFault: (err) => logger.warn({ err }, `old ${name} were not forgotten; the next round does it`),
          everyMs: HOUR_MS,
          pause: (ms, until) => new WakeablePause().wait(ms, until),
        },
        signal,
      ),
    );
  }
}

/** What the controller of the webhook works with, and counts by. */
export function whatsappDoor(
  { channels, receive, bodies }: Whatsapp,
  logger: Logger,
  metrics: Metrics,
): WhatsappDoor {
  const changes = metrics.counter('whatsapp_changes_total', 'Changes that Meta told, by field.', ['field']);
  const items = metrics.counter('whatsapp_items_total', 'What they held, by what became of it.', ['outcome']);
  const onReceived = (outcome: WebhookOutcome): void => {
    for (const [field, count] of outcome.fields) changes.inc({ field }, count);
    const { events, touches, strangers, malformed, erased } = outcome;
    const counts = {
      event: events.length,
      conversation: touches,
      foreign_number: strangers.length,
      malformed,
      erased,
    };
    for (const [name, count] of Object.entries(counts)) if (count > 0) items.inc({ outcome: name }, count);
  };
  return { channels, receive, bodies, clock: systemClock, newId: uuidv7, logger, onReceived };
}
