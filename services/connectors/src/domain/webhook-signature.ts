import { createHmac } from 'node:crypto';

export interface SigningSecret {
  readonly secret: string;
  /** A secret that was replaced: signs beside the new one until `untilMs`. */
  readonly previous?: { readonly secret: string; readonly untilMs: number };
}

/** As https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: `v1,` and HMAC-SHA256 of `id.timestamp.body`. */
function signature(secret: string, id: string, timestamp: string, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** The headers that a receiver knows a delivery by. Without a secret there is no signature. */
export function webhookHeaders(
  id: string,
  body: string,
  secret: SigningSecret | undefined,
  nowMs: number,
): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const secrets = [
    secret?.secret,
    secret?.previous && secret.previous.untilMs > nowMs ? secret.previous.secret : undefined,
  ].filter((one) => one !== undefined);
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(secrets.length > 0 && {
      'webhook-signature': secrets.map((one) => signature(one, id, timestamp, body)).join(' '),
    }),
  };
}
