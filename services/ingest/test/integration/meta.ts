import { createHmac } from 'node:crypto';
import type { Answer } from '@trackline/testkit';
import { ADMIN_TOKEN, type Harness, type Organization } from './harness.ts';

/** A stand-in for Meta: signs what it sends, as its documentation says. */
export interface Meta {
  readonly channelId: string;
  readonly phoneNumberId: string;
  readonly wabaId: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Call: tests assert on each field they use
  send(payload: unknown, more?: Sending): Promise<Answer<any>>;
  /** Changes of one field of this number, in a payload. */
  payload(field: string, ...values: object[]): object;
}

export interface Sending {
  readonly signature?: string | null;
  readonly call?: Harness['call'];
}

export const APP_SECRET = 'app-secret-of-the-tests';
export const VERIFY_TOKEN = 'verify-token-of-the-tests';

let numbers = 106_540_352_242_922;

export async function connectMeta(
  door: Harness,
  org: Organization,
  phoneNumberId = String((numbers += 1)),
): Promise<Meta> {
  const wabaId = '102290129340398';
  const made = await door.call('POST', `/v1/admin/organizations/${org.id}/channels`, {
    key: ADMIN_TOKEN,
    body: { phoneNumberId, wabaId, appSecret: APP_SECRET, verifyToken: VERIFY_TOKEN },
  });
  if (made.status !== 201) throw new Error(made.text);
  const channelId = made.json.id as string;
  const metadata = { display_phone_number: '15550783881', phone_number_id: phoneNumberId };
  return {
    channelId,
    phoneNumberId,
    wabaId,
    send(payload, { signature, call = door.call } = {}) {
      const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
      const header = signature === undefined ? signatureOf(body) : signature;
      return call('POST', `/webhooks/whatsapp/${channelId}`, {
        body: Buffer.from(body),
        headers: { 'content-type': 'application/json', ...(header && { 'x-hub-signature-256': header }) },
      });
    },
    payload: (field, ...values) => ({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: wabaId,
          changes: values.map((value) => ({
            field,
            value: { messaging_product: 'whatsapp', metadata, ...value },
          })),
        },
      ],
    }),
  };
}

export const signatureOf = (body: string | Buffer, appSecret = APP_SECRET): string =>
  `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;

export const purchase = (id: string, more: object = {}): object => ({
  automatic_events: [
    {
      id,
      event_name: 'Purchase',
      timestamp: Math.floor(Date.now() / 1000) - 60,
      custom_data: { currency: 'USD', value: 25_000 },
      ...more,
    },
  ],
});

export const lead = (id: string, more: object = {}): object => ({
  automatic_events: [
    { id, event_name: 'LeadSubmitted', timestamp: Math.floor(Date.now() / 1000) - 60, ...more },
  ],
});

/** A message of a customer. */
export const message = (id: string, from: string, more: object = {}): object => ({
  contacts: [{ profile: { name: 'Ada' }, wa_id: from }],
  messages: [
    {
      from,
      id,
      timestamp: String(Math.floor(Date.now() / 1000) - 60),
      type: 'text',
      text: { body: 'Hi' },
      ...more,
    },
  ],
});

export const status = (id: string, recipient: string, word = 'delivered', more: object = {}): object => ({
  statuses: [
    {
      id,
      status: word,
      timestamp: String(Math.floor(Date.now() / 1000) - 30),
      recipient_id: recipient,
      ...more,
    },
  ],
});
