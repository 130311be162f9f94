import { describe, expect, it } from '@jest/globals';
import { outcomeOfGraph, senderOf, toMessage } from './whatsapp.ts';

const failed = (status: number, code?: number, retryAfter?: string) =>
  outcomeOfGraph(
    {
      status,
      retryAfter,
      body: code === undefined ? '<html>' : JSON.stringify({ error: { code, message: `(#${code}) no` } }),
    },
    0,
  );

describe('a message of the Cloud API', () => {
  it('as text', () => {
    expect(toMessage('a1', { to: '+15550100', body: 'Hi!' })).toEqual({
      messaging_product: 'whatsapp',
      recipient_type: 'individual',
      to: '+15550100',
      type: 'text',
      text: { body: 'Hi!' },
      biz_opaque_callback_data: 'a1',
    });
  });

  it('as a template with its parameters in order', () => {
    const template = { name: 'order_sent', language: 'en_US', parameters: ['4711', 'Monday'] };
    expect(toMessage('a1', { to: '+15550100', template })).toMatchObject({
      type: 'template',
      template: {
        name: 'order_sent',
        language: { code: 'en_US' },
        components: [
          {
            type: 'body',
            parameters: [
              { type: 'text', text: '4711' },
              { type: 'text', text: 'Monday' },
            ],
          },
        ],
      },
    });
    expect(toMessage('a1', { to: '+1', template: { ...template, parameters: [] } })).toMatchObject({
      template: { name: 'order_sent', language: { code: 'en_US' } },
    });
  });

  it('with neither is none', () => expect(toMessage('a1', { to: '+15550100' })).toBeUndefined());

  it('comes from the number that the workflow names, else the only one', () => {
    expect(senderOf({ to: '+1', phoneNumberId: '22' }, '11')).toBe('22');
    expect(senderOf({ to: '+1' }, '11')).toBe('11');
    expect(senderOf({ to: '+1', phoneNumberId: '22/../me' }, '11')).toBeUndefined();
  });
});

describe('an answer of the Cloud API', () => {
  it('names the message', () => {
    const body = JSON.stringify({ messages: [{ id: 'wamid.HBg' }] });
    expect(outcomeOfGraph({ status: 200, body }, 0)).toEqual({
      kind: 'delivered',
      providerMessageId: 'wamid.HBg',
      detail: { status: 200 },
    });
    expect(outcomeOfGraph({ status: 200, body: '???' }, 0)).toMatchObject({ kind: 'delivered' });
  });

  it.each([
    [400, 130429, 'rate_limited'],
    [400, 131056, 'rate_limited'],
    [400, 80007, 'rate_limited'],
    [400, 4, 'rate_limited'],
    [500, 131000, 'provider_fault'],
    [503, 131016, 'provider_fault'],
    [500, 2, 'provider_fault'],
    [500, 1, 'provider_fault'],
    [503, 133004, 'provider_fault'],
    [401, 190, 'credentials'],
    [401, 0, 'credentials'],
    [403, 10, 'credentials'],
    [403, 200, 'credentials'],
    [403, 299, 'credentials'],
  ])('%i with code %i is tried again: %s', (status, code, reason) =>
    expect(failed(status, code)).toMatchObject({ kind: 'not_now', reason, detail: { status, code } }),
  );

  it.each([
    [400, 100],
    [400, 131008],
    [400, 131009],
    [400, 131026],
    [400, 131047],
    [400, 131051],
    [404, 132001],
    [400, 132000],
    [400, 132015],
    [403, 368],
    [403, 131031],
    [500, 131030],
    [400, 33],
  ])('%i with code %i is final', (status, code) =>
    expect(failed(status, code)).toMatchObject({ kind: 'never', reason: 'refused' }),
  );

  it.each([
    [500, 'not_now'],
    [502, 'not_now'],
    [429, 'not_now'],
    [401, 'not_now'],
    [400, 'never'],
    [404, 'never'],
  ])('%i without a code: %s', (status, kind) => expect(failed(status)).toMatchObject({ kind }));

  it('is told as text that a database takes', () => {
    const error = {
      code: 100,
      message: `${'x'.repeat(499)}😀`,
      error_data: { details: 'a\0b' },
      fbtrace_id: '\ud83d',
    };
    expect(outcomeOfGraph({ status: 400, body: JSON.stringify({ error }) }, 0)).toMatchObject({
      detail: { message: `${'x'.repeat(499)}\ufffd`, details: 'ab', trace: '\ufffd' },
    });
  });

  it('says when to come again', () => expect(failed(429, 130429, '30')).toMatchObject({ afterMs: 30_000 }));
});
