import type { WebhookBodies, WebhookRange } from '../ports.ts';
import {
  receivingWebhooks,
  type ReceiveWebhook,
  type WebhookCall,
  type WebhookOutcome,
} from './receive-webhook.ts';

export interface ReplayParts {
  readonly bodies: Pick<WebhookBodies, 'read'>;
  /** Publishes; for a dry run, one that only reads. */
  readonly receive: ReceiveWebhook;
  readonly parse: (body: Buffer) => unknown;
}

export interface ReplayCall extends WebhookRange, Pick<WebhookCall, 'asker' | 'isOurs' | 'tellsMeta'> {}

export interface ReplayReport {
  readonly bodies: number;
  readonly changes: number;
  readonly events: ReadonlyMap<string, number>;
  readonly touches: number;
  readonly strangers: number;
  readonly malformed: number;
  readonly erased: number;
}

const MAX_BODIES_AT_ONCE = 20;

/**
 * Maps what Meta sent once more and publishes it under the same names, oldest first: what has been counted is not counted again, what
 * was missed or refused by the cap is judged. Can be broken off and repeated at will.
 */
export async function replayWebhooks(parts: ReplayParts, call: ReplayCall): Promise<ReplayReport> {
  const { asker, isOurs, tellsMeta, ...range } = call;
  const events = new Map<string, number>();
  const report = { bodies: 0, changes: 0, events, touches: 0, strangers: 0, malformed: 0, erased: 0 };
  let afterId: string | undefined;
  for (;;) {
    const bodies = await parts.bodies.read(range, afterId, MAX_BODIES_AT_ONCE);
    for (const { id, body, receivedAtMs } of bodies) {
      add(
        report,
        await parts.receive({
          asker,
          isOurs,
          tellsMeta,
          payload: parts.parse(body),
          receivedAtMs,
          requestId: `replay ${id}`,
        }),
      );
    }
    afterId = bodies.at(-1)?.id;
    if (bodies.length < MAX_BODIES_AT_ONCE) return report;
  }
}

/** Maps and publishes nothing: everybody is somebody, and nobody is looked up. */
export function receivingDry(): ReceiveWebhook {
  const somebody = <Asked>(_asker: unknown, asked: readonly Asked[]) =>
    Promise.resolve(asked.map(() => 'somebody'));
  const known = { contactId: 'somebody', provisional: false };
  return receivingWebhooks({
    people: {
      ofMessages: somebody,
      ofEvidence: (_asker, evidence) => Promise.resolve(evidence.map(() => known)),
      current: somebody,
      madeByHand: () => Promise.resolve(new Map()),
      identify: () => Promise.resolve(undefined),
    },
    links: {
      find: (_organizationId, keys) => Promise.resolve(new Map(keys.map((key) => [key, known]))),
      linkPersons: () => Promise.resolve(false),
      linkProvisionals: () => Promise.resolve(),
      takeIdentified: () => Promise.resolve(0),
    },
    clicks: { note: () => Promise.resolve() },
    log: { append: () => Promise.resolve() },
    conversations: { append: () => Promise.resolve() },
    onIdentified: () => undefined,
  });
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

function add(report: Mutable<ReplayReport> & { events: Map<string, number> }, outcome: WebhookOutcome): void {
  report.bodies += 1;
  report.changes += outcome.changes;
  report.touches += outcome.touches;
  report.strangers += outcome.strangers.length;
  report.malformed += outcome.malformed;
  report.erased += outcome.erased;
  for (const { name } of outcome.events) report.events.set(name, (report.events.get(name) ?? 0) + 1);
}
