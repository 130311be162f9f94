import { describe, expect, it } from '@jest/globals';
import type { WorkflowStep } from '@trackline/contracts';
import type { ContactView } from './fields.ts';
import { isRequest, renderRequest, type RenderedRequest } from './render-request.ts';

const ADA: ContactView = {
  id: 'c1',
  email: 'ada@example.com',
  phone: '+34600000000',
  firstName: '<Ada>',
  properties: {},
};

function rendered(
  step: Omit<WorkflowStep, 'id'>,
  properties: Record<string, unknown> = {},
  contact: ContactView | undefined = ADA,
): RenderedRequest {
  const event = { eventId: 'e', name: 'begun', properties };
  const given = { id: 's', ...step } as WorkflowStep;
  if (!isRequest(given)) throw new Error(`${given.type} requests nothing`);
  return renderRequest(given, { contact, trigger: event, resumes: {}, latest: event });
}

const refused = (request: RenderedRequest) => ('refusal' in request ? request.refusal : undefined);

describe('an email', () => {
  const step = (config: object) =>
    ({ type: 'send_email', config: { subject: 's', text: 't', ...config } }) as Omit<WorkflowStep, 'id'>;

  it('goes to the contact, with all its texts filled in', () => {
    expect(
      rendered(
        step({ subject: 'Hi {{firstName}}', html: '<p>{{firstName}}</p>', text: '{{firstName}} {{gone}}' }),
      ),
    ).toEqual({
      kind: 'email',
      request: {
        to: 'ada@example.com',
        subject: 'Hi <Ada>',
        html: '<p>&lt;Ada&gt;</p>',
        text: '<Ada> ',
      },
      missing: ['gone'],
    });
    const plain = { type: 'send_email', config: { subject: 's', body: '{{x}}' } } as const;
    expect(rendered(plain, { x: 1 })).toMatchObject({ request: { text: '1' } });
  });

  it('has no header that a value has made', () => {
    const evil = 'a\r\nBcc: all@example.com';
    expect(
      rendered(
        step({ subject: '{{x}}\nX-Mine: 1', from: 'Shop {{x}} <shop@example.com>', replyTo: '{{y}}' }),
        {
          x: evil,
          y: 'a@example.com, b@example.com',
        },
      ),
    ).toMatchObject({
      request: {
        subject: 'a Bcc: all@example.com X-Mine: 1',
        from: 'Shop a Bcc: all@example.com <shop@example.com>',
        replyTo: 'a@example.com b@example.com',
      },
    });
  });

  it('goes nowhere without an address, and to nobody who is gone', () => {
    expect(refused(rendered(step({}), {}, { id: 'c', properties: {} }))).toBe('no_address');
    const event = { eventId: 'e', name: 'begun', properties: {} };
    const given = { id: 's', ...step({}) } as WorkflowStep;
    if (!isRequest(given)) throw new Error();
    const gone = { contact: undefined, trigger: event, resumes: {}, latest: event };
    expect(refused(renderRequest(given, gone))).toBe('no_contact');
  });

  it('has an end', () =>
    expect(refused(rendered(step({ text: '{{x}}'.repeat(100) }), { x: 'x'.repeat(60_000) }))).toBe(
      'too_long',
    ));
});

describe('a message to a phone', () => {
  it('is refused when it is empty, too long, or has nowhere to go', () => {
    const sms = (body: string) => ({ type: 'send_sms', config: { body } }) as const;
    expect(rendered(sms('Hi {{firstName}}'))).toMatchObject({
      kind: 'sms',
      request: { to: '+34600000000', body: 'Hi <Ada>' },
    });
    expect(refused(rendered(sms('{{gone}}')))).toBe('empty');
    expect(refused(rendered(sms('{{x}}'), { x: 'x'.repeat(1_601) }))).toBe('too_long');
    expect(refused(rendered(sms('x'), {}, { id: 'c', email: 'a@example.com', properties: {} }))).toBe(
      'no_address',
    );
  });

  it('by WhatsApp is free text, or a template whose parameters Meta takes', () => {
    expect(
      rendered({ type: 'send_whatsapp', config: { body: '{{x}}', phoneNumberId: '1' } }, { x: 'a\nb' }),
    ).toMatchObject({ kind: 'whatsapp', request: { body: 'a\nb', phoneNumberId: '1' } });
    const template = { name: 'order', language: 'es', parameters: ['{{x}}', 'of {{y|you}}'] };
    expect(
      rendered({ type: 'send_whatsapp', config: { template } }, { x: 'a\n\tb          c' }),
    ).toMatchObject({
      request: { template: { name: 'order', language: 'es', parameters: ['a b    c', 'of you'] } },
    });
  });
});

describe('a webhook', () => {
  const webhook = (config: object) =>
    ({ type: 'webhook', config: { url: 'https://example.com/', ...config } }) as Omit<WorkflowStep, 'id'>;

  it('sends JSON that stays JSON', () => {
    expect(
      rendered(webhook({ body: { total: '{{total}}', text: 'of {{x}}' } }), { total: 5, x: '","a":"' }),
    ).toMatchObject({
      request: {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"total":5,"text":"of \\",\\"a\\":\\""}',
      },
    });
    expect(rendered(webhook({ body: '{"a":"{{x}}"}' }), { x: '"' })).toMatchObject({
      request: { headers: { 'content-type': 'application/json' }, body: '{"a":"\\""}' },
    });
    expect(rendered(webhook({ body: 'a {{x}}' }), { x: '"' })).toMatchObject({
      request: { headers: { 'content-type': 'text/plain; charset=utf-8' }, body: 'a "' },
    });
  });

  it('has a body only when it is given one', () => {
    expect(rendered(webhook({ method: 'GET' }))).toEqual({
      kind: 'webhook',
      request: { url: 'https://example.com/', method: 'GET', headers: {} },
      missing: [],
    });
  });

  it('goes where its definition says, whatever the values are', () => {
    expect(
      rendered(
        webhook({
          url: 'https://example.com/{{x}}?q={{x}}',
          headers: { 'X-Who': 'a{{y}}', 'Content-Type': 'a/b' },
          body: 'b',
        }),
        { x: '../@evil.example?', y: '\r\nHost: evil.example' },
      ),
    ).toMatchObject({
      request: {
        url: 'https://example.com/..%2F%40evil.example%3F?q=..%2F%40evil.example%3F',
        headers: { 'x-who': 'a Host: evil.example', 'content-type': 'a/b' },
      },
    });
  });
});
