import { describe, expect, it } from '@jest/globals';
import type { CompletedAction, TouchedConversation } from '@trackline/contracts';
import fc from 'fast-check';
import { fold, fromAction, fromTouch, messageKey, weightOf, type MessageFact } from './message-fact.ts';

const ORG = '01970000-0000-7000-8000-000000000001';
const CONTACT = '01970000-0000-7000-8000-000000000002';

const told = (more: Partial<TouchedConversation>): MessageFact =>
  fromTouch({
    id: 'touch',
    organizationId: ORG,
    contactId: CONTACT,
    direction: 'outbound',
    occurredAtMs: 1_000,
    source: 'meta',
    messageId: 'wamid.1',
    ...more,
  }).fact;

const action = (more: Partial<CompletedAction>): CompletedAction => ({
  id: 'action',
  organizationId: ORG,
  contactId: CONTACT,
  executionId: '01970000-0000-7000-8000-0000000000ee',
  workflowId: '01970000-0000-7000-8000-0000000000ff',
  stepId: 'send',
  visit: 1,
  kind: 'whatsapp',
  status: 'delivered',
  attempts: 1,
  completedAtMs: 900,
  ...more,
});

describe('a message', () => {
  it('is the same however often and in whatever order it is told of', () => {
    const statuses = fc.constantFrom('sent', 'delivered', 'read', 'failed', undefined);
    const campaigns = fc.constantFrom(
      undefined,
      { type: 'broadcast', id: 'spring' },
      { type: 'broadcast', id: 'autumn' },
      { type: 'organic', id: 'chat' },
    );
    const tellings = fc.array(
      fc.record({ status: statuses, campaign: campaigns, occurredAtMs: fc.integer({ min: 1, max: 50 }) }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(tellings, fc.nat(), (all, turn) => {
        const facts = all.map((one) => told(one as Partial<TouchedConversation>));
        const turned = [...facts.slice(turn % facts.length), ...facts.slice(0, turn % facts.length)];
        const folded = facts.reduce(fold);
        expect(turned.reduce(fold)).toEqual(folded);
        expect([...turned, ...facts].reduce(fold)).toEqual(folded);
      }),
    );
  });

  it('that a workflow sent is a conversation of that automation, and the messenger’s statuses are of the same one', () => {
    const sent = fromAction(action({ providerMessageId: 'wamid.1' }))!.fact;
    const read = told({ status: 'read' });
    expect(read.key).toBe(sent.key);
    expect(fold(read, sent)).toMatchObject({
      campaign: { type: 'automation', id: '01970000-0000-7000-8000-0000000000ff' },
      stage: 3,
      atMs: 900,
      executionId: sent.executionId,
    });
  });

  it.each([{ kind: 'email' }, { status: 'failed' }, { status: 'logged' }] as const)(
    'is none when the action was %j',
    (more) => {
      expect(fromAction(action(more))).toBeUndefined();
    },
  );

  it('that failed is no conversation, unless it arrived after all', () => {
    expect(weightOf(told({ status: 'failed' }))).toBe(0);
    expect(weightOf(fold(told({ status: 'failed' }), told({ status: 'delivered' })))).toBe(1);
  });

  it('from an ad is of that ad, by its referral', () => {
    const { fact, campaign } = fromTouch({
      id: 't',
      organizationId: ORG,
      contactId: CONTACT,
      direction: 'inbound',
      occurredAtMs: 5,
      source: 'meta',
      messageId: 'wamid.2',
      referral: { ctwaClid: 'Afc3', sourceId: '120', headline: 'Shoes' },
    });
    expect(fact.campaign).toEqual({ type: 'ad', id: '120' });
    expect(fact.stage).toBe(0);
    expect(campaign).toMatchObject({ type: 'ad', id: '120', name: 'Shoes' });
    expect(told({ campaign: { type: 'organic', id: 'support' } }).campaign).toEqual({
      type: 'organic',
      id: '',
    });
  });

  it('keeps no id that holds a phone number, and none of another organisation', () => {
    expect(JSON.stringify(told({ messageId: 'wamid.HBgLMzM2' }))).not.toContain('wamid');
    expect(messageKey(ORG, 'x')).not.toBe(messageKey(CONTACT, 'x'));
  });
});
