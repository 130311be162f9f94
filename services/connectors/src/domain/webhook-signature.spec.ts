import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { webhookHeaders } from './webhook-signature.ts';

const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const now = (): number => Date.now();
const body = '{"order":"4711","name":"Zoë ✓"}';

describe('the signature of a webhook', () => {
  it('is verified by the library of Standard Webhooks', () => {
    const headers = webhookHeaders('a1', body, { secret: secretOf(1) }, now());
    expect(new Webhook(secretOf(1)).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(secretOf(2)).verify(body, headers)).toThrow();
    expect(() => new Webhook(secretOf(1)).verify(`${body} `, headers)).toThrow();
  });

  it('stands as the library writes it', () => {
    const at = now();
    const expected = new Webhook(secretOf(1)).sign('a1', new Date(at), body);
    expect(webhookHeaders('a1', body, { secret: secretOf(1) }, at)['webhook-signature']).toBe(expected);
  });

  it('is made by both secrets for a while after a rotation', () => {
    const at = now();
    const rotated = { secret: secretOf(2), previous: { secret: secretOf(1), untilMs: at + 1 } };
    for (const byte of [1, 2])
      new Webhook(secretOf(byte)).verify(body, webhookHeaders('a1', body, rotated, at));
    const later = webhookHeaders('a1', body, rotated, at + 1);
    expect(later['webhook-signature']?.split(' ')).toHaveLength(1);
    expect(() => new Webhook(secretOf(1)).verify(body, later)).toThrow();
  });

  it('is left out without a secret; id and time are there', () => {
    expect(webhookHeaders('a1', body, undefined, 1_790_000_000_999)).toEqual({
      'webhook-id': 'a1',
      'webhook-timestamp': '1790000000',
    });
  });
});
