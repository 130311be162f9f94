import { createHmac, randomBytes } from 'node:crypto';
import { httpClient } from '@trackline/testkit';
import type { LoadRequest, LoadResult } from '../load/http-load.ts';
import { beginCost, costOf, type RoundCost } from '../measure/cost.ts';
import { median } from '../measure/statistics.ts';
import { alone, type Scenario } from '../scenario.ts';
import { answersOf, assertAnswered, HttpCallers } from '../stage/callers.ts';
import { ADMIN_TOKEN } from '../stage/stage.ts';
import { openHttpStage } from './http-stage.ts';

const CHANGES = 1_000;
const REQUESTS_OF_A_ROUND = 30;
/** With which the changes of a request fill what the webhook takes, 3 MB. */
const PADDING = 'x'.repeat(2_650);
const WITHIN_MS = 1_000;
/** Meta sends several at once. */
const CALLERS = 4;
const PEOPLE = 2_000;
const APP_SECRET = 'app-secret-of-the-bench';
const PHONE_NUMBER_ID = '106540352242922';
const WABA_ID = '102290129340398';

/** As Meta sends: messages of customers, then what it has seen these customers do. */
const KINDS = ['messages', 'automatic_events'] as const;
type Kind = (typeof KINDS)[number];

interface Round {
  readonly kind: Kind;
  readonly result: LoadResult;
  readonly cost: RoundCost;
}

/** Meta's webhook with as many changes as it takes, answered when the broker has them. */
export const webhookChanges: Scenario = {
  name: 'webhook-changes',
  says: `Meta's webhook with ${CHANGES.toLocaleString('en')} changes in a request: messages of customers, then purchases found by those messages`,
  isLong: true,
  async run({ rounds, events, say }) {
    const requests = events === undefined ? REQUESTS_OF_A_ROUND : Math.ceil(events / CHANGES);
    const env = { SECRETS_KEY: randomBytes(32).toString('base64') };
    const { stage, instances, customers, origins } = await openHttpStage({ env });
    try {
      const path = await connectChannel(origins[0]!, customers[0]!.organizationId);
      const taken: Record<Kind, Round[]> = { messages: [], automatic_events: [] };
      for (let round = 0; round < rounds; round += 1) {
        for (const kind of KINDS) {
          const callers = new HttpCallers({
            origins,
            requests: bodies(kind, round, requests).map((body) => signed(path, body)),
          });
          try {
            const watched = [callers.process, ...stage.watched(...instances.map(({ process }) => process))];
            const costFor = await beginCost(watched);
            const result = await callers.run({ kind: 'count', callers: CALLERS, requests });
            const cost = await costFor(requests * CHANGES);
            taken[kind].push({ kind, result, cost });
            say(
              `${kind}: ${Math.round(result.perSecond * CHANGES).toLocaleString('en')} changes/s, a request p50 ${result.p50Ms.toFixed(0)} ms, most ${result.maxMs.toFixed(0)} ms`,
            );
          } finally {
            callers.close();
          }
        }
      }
      const exact = [];
      for (const [kind, what, text] of [
        ['messages', 'messages noted', 'SELECT count(*)::bigint AS n FROM timeline.conversation'],
        [
          'automatic_events',
          'purchases metered',
          'SELECT coalesce(sum(used), 0)::bigint AS n FROM dedup_meter.usage',
        ],
        ['automatic_events', 'purchases on the timeline', 'SELECT count(*)::bigint AS n FROM timeline.event'],
      ] as const) {
        const answers = answersOf(taken[kind].map(({ result }) => result));
        exact.push(await assertAnswered(what, () => stage.count(text), answers, CHANGES));
      }
      const of = (kind: Kind, pick: (result: LoadResult) => number) =>
        median(taken[kind].map(({ result }) => pick(result)));
      return {
        figures: KINDS.flatMap((kind) => [
          alone(
            `webhook of ${CHANGES.toLocaleString('en')} ${kind}, other answers than 200`,
            'requests',
            answersOf(taken[kind].map(({ result }) => result)).others,
            { atMost: 0 },
          ),
          alone(
            `webhook of ${CHANGES.toLocaleString('en')} ${kind}`,
            'changes/s',
            of(kind, ({ perSecond }) => perSecond * CHANGES),
          ),
          alone(
            `webhook of ${CHANGES.toLocaleString('en')} ${kind}, a request, p50`,
            'ms',
            of(kind, ({ p50Ms }) => p50Ms),
            { atMost: WITHIN_MS },
          ),
        ]),
        costs: KINDS.map((kind) => costOf(`webhook of ${kind}`, taken[kind])),
        rounds: KINDS.flatMap((kind) => taken[kind]),
        exact,
      };
    } finally {
      await stage.close();
    }
  },
};

async function connectChannel(origin: string, organizationId: string): Promise<string> {
  const { status, json, text } = await httpClient(origin, { key: ADMIN_TOKEN })<{ id: string }>(
    'POST',
    `/v1/admin/organizations/${organizationId}/channels`,
    {
      body: { phoneNumberId: PHONE_NUMBER_ID, wabaId: WABA_ID, appSecret: APP_SECRET, verifyToken: 'bench' },
    },
  );
  if (status !== 201) throw new Error(`The channel was not made: ${text}`);
  return `/webhooks/whatsapp/${json.id}`;
}

const signed = (path: string, body: string): LoadRequest => ({
  path,
  body,
  headers: { 'x-hub-signature-256': `sha256=${createHmac('sha256', APP_SECRET).update(body).digest('hex')}` },
});

function bodies(kind: Kind, round: number, requests: number): string[] {
  const seconds = Math.floor(Date.now() / 1_000) - 60;
  const valueOf = (n: number): object => {
    const id = `wamid.bench-${round}-${n}`;
    if (kind === 'automatic_events')
      return {
        padding: PADDING,
        automatic_events: [
          { id, event_name: 'Purchase', timestamp: seconds, custom_data: { currency: 'USD', value: 25_000 } },
        ],
      };
    const from = String(33_612_000_000 + (n % PEOPLE));
    return {
      contacts: [{ profile: { name: 'Ada' }, wa_id: from }],
      messages: [{ from, id, timestamp: String(seconds), type: 'text', text: { body: 'Hi' } }],
    };
  };
  const metadata = { display_phone_number: '15550783881', phone_number_id: PHONE_NUMBER_ID };
  return Array.from({ length: requests }, (_, request) =>
    JSON.stringify({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: WABA_ID,
          changes: Array.from({ length: CHANGES }, (__, n) => ({
            field: kind,
            value: { messaging_product: 'whatsapp', metadata, ...valueOf(request * CHANGES + n) },
          })),
        },
      ],
    }),
  );
}
