import { describe, expect, it } from '@jest/globals';
import {
  ACTIONS_COMPLETED,
  ACTIONS_REQUESTED,
  ADMITTED,
  CONTACTS,
  CONVERSATIONS,
  EXECUTIONS,
  OUTCOMES,
  PROGRESS,
  RECEIVED,
  REFUSED,
  topics,
  USAGE,
} from '../topics.ts';
import { validator } from '../validation.ts';
import { encodeCompletedAction, encodeRequestedAction, type RequestedAction } from './action.ts';
import { encodeContactChange } from './contact.ts';
import { encodeTouchedConversation } from './conversation.ts';
import { encodeAdmitted, encodeReceived, encodeRefused, type JudgedEvent } from './event.ts';
import { encodeExecution } from './execution.ts';
import type { EncodedMessage } from './headers.ts';
import { messageSchemas } from './message-schemas.ts';
import { encodeOutcomes } from './outcome.ts';
import { encodeProgress, encodeUsageNotice } from './progress.ts';

const event: JudgedEvent = {
  eventId: 'e1',
  organizationId: 'o1',
  contactId: 'c1',
  name: 'order',
  source: '/organizations/o1/http',
  uniqueId: 'u1',
  clientId: 'k1',
  occurredAtMs: 1_790_000_000_000,
  backfill: true,
  requestId: 'r1',
  replyTo: '3/abc',
  properties: '{"total":1}',
  receivedAtMs: 1_790_000_000_500,
  position: { source: 'received.1.3', offset: 7 },
};
const atMs = 1_790_000_000_000;

const cause = {
  id: 'a1',
  organizationId: 'o1',
  contactId: 'c1',
  executionId: 'x1',
  workflowId: 'w1',
  stepId: 's1',
  visit: 0,
};

const requestedActions: readonly RequestedAction[] = [
  {
    kind: 'webhook' as const,
    request: { url: 'https://a.example/', method: 'POST' as const, headers: { a: 'b' }, body: '{}' },
  },
  {
    kind: 'email' as const,
    request: { to: 'a@b.example', subject: 's', from: 'c@d.example', replyTo: 'r', html: 'h', text: 't' },
  },
  {
    kind: 'whatsapp' as const,
    request: {
      to: '+15550100',
      body: 'hi',
      template: { name: 'n', language: 'en', parameters: ['p'] },
      phoneNumberId: '1',
    },
  },
  { kind: 'sms' as const, request: { to: '+15550100', body: 'hi' } },
].map((what) => ({ ...cause, workflowVersion: 1, requestedAtMs: atMs, ...what }));

/** One message of each encoder with every optional field set: whatever it writes, its schema knows. */
const encoded: readonly EncodedMessage[] = [
  encodeReceived(event),
  encodeAdmitted({ ...event, monthUsed: 5, replayOf: { source: 'received.1.3', offset: 2 } }),
  encodeRefused({ ...event, monthUsed: 5, refusal: { verdict: 'duplicate', duplicateOf: 'e0' } }),
  encodeRefused({ ...event, monthUsed: 5, refusal: { verdict: 'over_limit' } }),
  encodeExecution({
    id: 'p1',
    organizationId: 'o1',
    contactId: 'c1',
    executionId: 'x1',
    workflowId: 'w1',
    workflowVersion: 1,
    effect: 'ended',
    eventId: 'e1',
    reason: 'cancelled',
    status: 'cancelled',
    atMs,
  }),
  encodeContactChange({
    id: 'k',
    organizationId: 'o1',
    contactId: 'c1',
    change: 'subscribed',
    topicId: 'news',
    channel: 'email',
    cause: 'e1/step/1',
    atMs,
  }),
  encodeContactChange({ id: 'k', organizationId: 'o1', contactId: 'c1', change: 'merged', into: 'c2', atMs }),
  encodeTouchedConversation({
    id: 'v1',
    organizationId: 'o1',
    contactId: 'c1',
    direction: 'outbound',
    occurredAtMs: atMs,
    source: 'meta',
    status: 'read',
    messageId: 'wamid.1',
    phoneNumberId: '1',
    campaign: { type: 'ad', id: 'a', name: 'n' },
    executionId: 'x1',
    referral: { ctwaClid: 'x', sourceId: 'a', sourceType: 'ad', headline: 'h' },
  }),
  ...requestedActions.map(encodeRequestedAction),
  encodeRequestedAction({
    id: 'a2',
    organizationId: 'o1',
    contactId: 'c1',
    eventId: 'e1',
    requestedAtMs: atMs,
    kind: 'conversion',
    request: {
      eventName: 'Purchase',
      channelId: 'n1',
      ctwaClid: 'x',
      occurredAtMs: atMs,
      worth: { value: '49.90', currency: 'EUR' },
    },
  }),
  encodeCompletedAction({
    id: 'a2',
    organizationId: 'o1',
    contactId: 'c1',
    eventId: 'e1',
    kind: 'conversion',
    status: 'failed',
    attempts: 1,
    detail: { status: 400 },
    completedAtMs: atMs,
  }),
  encodeCompletedAction({
    ...cause,
    kind: 'webhook',
    status: 'failed',
    attempts: 3,
    providerMessageId: 'm',
    detail: { status: 500 },
    completedAtMs: atMs,
  }),
  encodeOutcomes(3, [
    {
      correlation: 'abc',
      eventId: 'e1',
      verdict: 'duplicate',
      duplicateOf: 'e0',
      workflowsTriggered: 0,
      executionsResumed: 0,
      monthUsed: 5,
    },
  ]),
  encodeProgress({ source: 'received.1.3', decidedUpToMs: atMs, admittedEnds: { '0': 12 } }),
  encodeUsageNotice({
    organizationId: 'o1',
    month: '2026-11',
    thresholdPercent: 80,
    used: 80,
    monthlyLimit: 100,
    atMs,
  }),
];

describe('the schema of a message', () => {
  it.each(encoded.map((message) => [message.topic, message] as const))(
    'fits what is written to %s',
    (topic, message) => {
      const { headers, payload } = messageSchemas[topic]!;
      expect(validator(headers)(message.headers)).toMatchObject({ ok: true });
      expect(validator(payload)(JSON.parse(String(message.value)))).toMatchObject({ ok: true });
    },
  );

  it.each(encoded.map((message) => [message.topic, message] as const))(
    'names every header and field on %s',
    (topic, message) => {
      const { headers, payload } = messageSchemas[topic]!;
      const unknownHeaders = Object.keys(message.headers).filter((name) => !(name in headers.properties));
      expect(unknownHeaders).toEqual([]);
      const known = payload['properties'] as object | undefined;
      if (known)
        expect(
          Object.keys(JSON.parse(String(message.value)) as object).filter((name) => !(name in known)),
        ).toEqual([]);
    },
  );

  it('is there for each topic that our services write, and each has its encoder tried here', () => {
    const written = topics
      .map((topic) => topic.name)
      .filter((name) => !name.endsWith('.dlq') && name !== 'events.inbound.v1');
    expect(written.sort()).toEqual(
      [
        ACTIONS_COMPLETED,
        ACTIONS_REQUESTED,
        ADMITTED,
        CONTACTS,
        CONVERSATIONS,
        EXECUTIONS,
        OUTCOMES,
        PROGRESS,
        RECEIVED,
        REFUSED,
        USAGE,
      ].sort(),
    );
    expect([...new Set(encoded.map((message) => message.topic))].sort()).toEqual(written);
  });
});
