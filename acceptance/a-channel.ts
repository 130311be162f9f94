import { createHmac } from 'node:crypto';
import { httpClient, stackFromEnv, uniqueName, type Answer } from '@trackline/testkit';
import type { Tenant } from './an-organization.ts';

/** A WhatsApp number of the tenant, and Meta at the other end of its webhook. */
export interface Channel {
  readonly id: string;
  readonly phoneNumberId: string;
  readonly callback: string;
  readonly verifyToken: string;
  /** As Meta sends it: without a key, signed over the bytes. */
  send(payload: unknown, more?: { readonly signature?: string }): Promise<Answer<{ readonly code?: string }>>;
  signatureOf(body: Buffer): string;
  /** One request of Meta with a change of the field for each value. */
  payload(field: string, ...values: readonly object[]): object;
}

export const WABA = '102290129340398';
let numbers = Date.now() * 1_000;

/** Of nobody yet, as Meta writes it. */
export const newPhone = (): string => `336${String((numbers += 1)).slice(-8)}`;
export const newMessageId = (): string => `wamid.${uniqueName('HBgL')}=`;
export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** What the customer wrote two minutes ago. */
export const messageOf = (id: string, from: string, more: object = {}): object => ({
  contacts: [{ profile: { name: 'Ada' }, wa_id: from }],
  messages: [
    { from, id, timestamp: String(nowSeconds() - 120), type: 'text', text: { body: 'Hi' }, ...more },
  ],
});

/** `more`: settings of the channel beyond what every one has. */
export async function aChannel(tenant: Tenant, more: object = {}): Promise<Channel> {
  const { url, adminToken } = stackFromEnv();
  const [phoneNumberId, appSecret, verifyToken] = [
    String((numbers += 1)),
    uniqueName('app-secret'),
    uniqueName('verify-token'),
  ];
  const made = await httpClient(url, { key: adminToken })(
    'POST',
    `/v1/admin/organizations/${tenant.id}/channels`,
    { body: { phoneNumberId, wabaId: WABA, appSecret, verifyToken, ...more } },
  );
  if (made.status !== 201) throw new Error(`No channel: ${made.status} ${made.text}`);
  const callback: string = made.json.webhookPath;
  const signatureOf = (body: Buffer): string =>
    `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
  return {
    ...{ id: made.json.id, phoneNumberId, callback, verifyToken, signatureOf },
    send(payload, { signature } = {}) {
      const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
      return httpClient(stackFromEnv().url)('POST', callback, {
        body,
        headers: {
          'content-type': 'application/json',
          'x-hub-signature-256': signature ?? signatureOf(body),
        },
      });
    },
    payload: (field, ...values) => ({
      object: 'whatsapp_business_account',
      entry: [
        {
          id: WABA,
          changes: values.map((value) => ({
            field,
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '15550783881', phone_number_id: phoneNumberId },
              ...value,
            },
          })),
        },
      ],
    }),
  };
}
