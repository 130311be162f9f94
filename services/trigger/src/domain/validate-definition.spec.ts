import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MAX_STEPS as PUBLISHED_STEPS, STEP_TYPES } from '@trackline/contracts';
import fc from 'fast-check';
import { cronerCalendar } from '../adapters/schedule/croner-calendar.ts';
import { definitionShapes } from '../pipeline/definition-shapes.ts';
import { validateDefinition } from './validate-definition.ts';
import { MAX_STEP_DEPTH, MAX_STEPS } from './validate-steps.ts';

const delay = { id: 'd', type: 'delay', config: { amount: 1, unit: 'days' } };
const sound = { name: 'welcome', trigger: { type: 'event', eventName: 'signed_up' }, steps: [delay] };
const shapes = definitionShapes(cronerCalendar);
const check = (body: unknown) => validateDefinition(body, shapes);

const issuesOf = (body: unknown): Record<string, string> => {
  const validation = check(body);
  return validation.ok
    ? {}
    : Object.fromEntries(validation.issues.map(({ path, message }) => [path, message]));
};
const withSteps = (...steps: unknown[]) => ({ ...sound, steps });
const wait = (config: object, branches: object = { yes: [] }) => ({
  id: 'w',
  type: 'wait_for_event',
  config,
  branches,
});
const webhook = (config: object) => ({ id: 'h', type: 'webhook', config });
const engagement = (emailStepId: string) => ({
  id: 'w',
  type: 'wait_for_email_engagement',
  config: { emailStepId, engagementType: 'opened' },
  branches: { yes: [], no: [] },
});

describe('a definition', () => {
  it('that is right is given back as it is', () => {
    expect(check(sound)).toEqual({ ok: true, value: sound });
    expect(check({ ...sound, trigger: { type: 'event.received', eventName: 'x' } }).ok).toBe(true);
    expect(check({ ...sound, trigger: { type: 'api' } }).ok).toBe(true);
    expect(check({ ...sound, settings: { allowReentry: false } }).ok).toBe(true);
  });

  it('has all its issues told at once, each with its path', () => {
    const body = {
      name: '',
      trigger: { type: 'event' },
      steps: [
        { id: 'a', type: 'delay', config: { amount: -1, unit: 'years' } },
        {
          id: 'a',
          type: 'condition',
          config: { field: 'x', operator: 'greater_than', value: 'much' },
          branches: { yes: [{}], no: [] },
        },
      ],
      colour: 'red',
    };
    expect(Object.keys(issuesOf(body)).sort()).toEqual(
      [
        '/name',
        '/colour',
        '/trigger/eventName',
        '/steps/0/config/amount',
        '/steps/0/config/unit',
        '/steps/1/id',
        '/steps/1/config/value',
        '/steps/1/branches/yes/0/id',
        '/steps/1/branches/yes/0/type',
      ].sort(),
    );
  });

  it.each([
    [{ ...sound, trigger: { type: 'contact_created' } }],
    [{ ...sound, trigger: { type: 'contact_updated', filter: [{ field: 'plan', operator: 'is_set' }] } }],
    [{ ...sound, trigger: { type: 'topic_subscribed', topicId: 'news' } }],
    [{ ...sound, trigger: { type: 'topic_unsubscribed' } }],
    [{ ...sound, trigger: { type: 'schedule', schedule: '0 9 * * 1-5', timezone: 'Europe/Madrid' } }],
    [
      {
        ...sound,
        settings: { reentryDelaySeconds: 60, maxConcurrentExecutions: 5, contactCooldownSeconds: 60 },
      },
    ],
    [withSteps(wait({ eventNames: ['a', 'b'], lookbackSeconds: 60 }))],
    [withSteps({ id: 's', type: 'send_sms', config: { body: 'Hi {{name|there}}' } })],
    [withSteps({ id: 's', type: 'send_whatsapp', config: { template: { name: 't', language: 'es' } } })],
    [withSteps({ id: 's', type: 'subscribe_topic', config: { topicId: 'news', channel: 'email' } })],
    [withSteps({ id: 's', type: 'unsubscribe_topic', config: { topicId: 'news' } })],
    [
      withSteps(
        {
          id: 'e',
          type: 'send_email',
          config: { subject: 'Hi', html: '<p>{{name}}</p>', onFailure: 'fail' },
        },
        {
          id: 'w',
          type: 'wait_for_email_engagement',
          config: { emailStepId: 'e', engagementType: 'opened' },
          branches: { no: [] },
        },
      ),
    ],
    [
      withSteps(
        webhook({
          url: 'https://example.com/{{id}}?a={{b}}',
          method: 'PUT',
          headers: { 'X-A': '{{a}}' },
          body: { a: ['{{b}}'] },
        }),
      ),
    ],
  ])('may be %j', (body) => expect(issuesOf(body)).toEqual({}));

  it.each([
    [{ ...sound, trigger: { type: 'schedule' } }, '/trigger/schedule', 'needs a schedule'],
    [{ ...sound, trigger: { type: 'schedule', schedule: '* *' } }, '/trigger/schedule', 'five fields'],
    [
      { ...sound, trigger: { type: 'schedule', schedule: '0 9 * * *', timezone: 'Mars/North' } },
      '/trigger/timezone',
      'no timezone',
    ],
    [{ ...sound, trigger: { type: 'segment_entry' } }, '/trigger/type', 'no segments yet'],
    [{ ...sound, trigger: { type: 'segment_exit' } }, '/trigger/type', 'no segments yet'],
    [{ ...sound, trigger: { type: 'dance' } }, '/trigger/type', 'not known'],
    [{ ...sound, trigger: { type: 'api', eventName: 'x' } }, '/trigger/eventName', 'means nothing'],
    [{ ...sound, trigger: { ...sound.trigger, topicId: 'x' } }, '/trigger/topicId', 'means nothing'],
    [{ ...sound, settings: { maxConcurrentExecutions: 0 } }, '/settings/maxConcurrentExecutions', ''],
    [{ ...sound, settings: { colour: 'red' } }, '/settings/colour', 'not known'],
    [
      withSteps({ id: 's', type: 'send_email', config: { template: 't', subject: 's' } }),
      '/steps/0/config/template',
      'no store of templates',
    ],
    [
      withSteps({ id: 's', type: 'send_email', config: { subject: 's' } }),
      '/steps/0/config/html',
      'html, text',
    ],
    [
      withSteps({ id: 's', type: 'send_email', config: { subject: 's', text: 'a', body: 'b' } }),
      '/steps/0/config/body',
      'one of them',
    ],
    [withSteps({ id: 's', type: 'send_whatsapp', config: {} }), '/steps/0/config/body', 'body or template'],
    [
      withSteps({ id: 's', type: 'send_sms', config: { body: '{{#if a}}b{{/if}}' } }),
      '/steps/0/config/body',
      'no blocks',
    ],
    [withSteps(webhook({})), '/steps/0/config/url', ''],
    [withSteps(webhook({ url: 'ftp://example.com' })), '/steps/0/config/url', 'absolute'],
    [withSteps(webhook({ url: 'https://{{host}}/a' })), '/steps/0/config/url', 'written out'],
    [withSteps(webhook({ url: 'https://example.com{{x}}' })), '/steps/0/config/url', 'written out'],
    [withSteps(webhook({ url: 'https://a:b@example.com/' })), '/steps/0/config/url', 'without a user'],
    [withSteps(webhook({ url: 'https://exa mple.com/' })), '/steps/0/config/url', 'absolute'],
    [
      withSteps(webhook({ url: 'https://example.com', headers: { 'Webhook-Signature': 'x' } })),
      '/steps/0/config/headers/Webhook-Signature',
      'not yours',
    ],
    [
      withSteps(webhook({ url: 'https://example.com', headers: { 'a b': 'x' } })),
      '/steps/0/config/headers/a b',
      'no name',
    ],
    [
      withSteps(webhook({ url: 'https://example.com', method: 'GET', body: {} })),
      '/steps/0/config/body',
      'GET has no body',
    ],
    [withSteps(webhook({ url: 'https://example.com', body: 5 })), '/steps/0/config/body', 'object'],
    [withSteps(wait({})), '/steps/0/config/eventName', 'eventName or eventNames'],
    [
      withSteps(wait({ eventName: 'x', eventNames: ['y'] })),
      '/steps/0/config/eventNames',
      'either eventName or eventNames',
    ],
    [
      withSteps(wait({ eventName: 'x', lookbackSeconds: 700_000 })),
      '/steps/0/config/lookbackSeconds',
      'whole number',
    ],
    [withSteps(engagement('nobody')), '/steps/0/config/emailStepId', 'no step "nobody"'],
    [withSteps(delay, engagement('d')), '/steps/1/config/emailStepId', 'sends no email'],
    [
      withSteps(engagement('e'), { id: 'e', type: 'send_email', config: { subject: 's', text: 't' } }),
      '/steps/0/config/emailStepId',
      'does not come before',
    ],
    [{ ...sound, description: 'a\0b' }, '/description', 'NUL'],
    [withSteps({ id: 's', type: 'sing' }), '/steps/0/type', 'must be one of'],
    [withSteps({ id: 's', type: 'delay' }), '/steps/0/config', 'needs a config'],
    [withSteps({ ...delay, branches: { yes: [] } }), '/steps/0/branches', 'has no branches'],
    [withSteps({ ...delay, id: 'with.dot' }), '/steps/0/id', 'letters'],
    [withSteps({ ...delay, config: { amount: 60, unit: 'weeks' } }), '/steps/0/config/amount', '366 days'],
    [
      withSteps(wait({ eventName: 'x', timeoutSeconds: 0 })),
      '/steps/0/config/timeoutSeconds',
      'whole number',
    ],
    [withSteps(wait({ eventName: 'x', timout: 5 })), '/steps/0/config/timout', 'not known'],
    [
      withSteps(wait({ eventName: 'x', filter: [{ field: 'a', operator: 'is_set', value: 1 }] })),
      '/steps/0/config/filter/0/value',
      'takes no value',
    ],
    [
      { ...sound, trigger: { ...sound.trigger, filter: [{ field: 'a', operator: 'equals' }] } },
      '/trigger/filter/0/value',
      'needs a value',
    ],
    [withSteps({ id: 'x', type: 'exit' }, delay), '/steps/1', 'No way leads here'],
    [withSteps(wait({ eventName: 'x' }, {}), delay), '/steps/1', 'No way leads here'],
    [
      withSteps(wait({ eventName: 'x' }, { yes: [{ id: 'x', type: 'exit' }] }), delay),
      '/steps/1',
      'No way leads here',
    ],
    [{ ...sound, steps: [] }, '/steps', ''],
    [null, '', 'object'],
    [[], '', 'object'],
  ])('is refused: %j', (body, path, words) => {
    expect(issuesOf(body)[path]).toEqual(expect.stringContaining(words));
  });

  it('has a limit to its steps and to its depth', () => {
    const many = Array.from({ length: MAX_STEPS + 1 }, (_, index) => ({ ...delay, id: `d${index}` }));
    expect(issuesOf(withSteps(...many))['/steps']).toBeDefined();
    let steps: unknown[] = [delay];
    for (let depth = 0; depth < MAX_STEP_DEPTH; depth++)
      steps = [
        { id: `w${depth}`, type: 'wait_for_event', config: { eventName: 'x' }, branches: { no: steps } },
      ];
    expect(Object.values(issuesOf({ ...sound, steps }))).toEqual([expect.stringContaining('nested deeper')]);
  });

  it('is held against the limits that are published', () => {
    expect(MAX_STEPS).toBe(PUBLISHED_STEPS);
  });

  it('of any shape is judged without a crash', () => {
    fc.assert(fc.property(fc.jsonValue(), (body) => void check(body)));
    const step = fc.letrec((tie) => ({
      step: fc.record(
        {
          id: fc.oneof(fc.string(), fc.jsonValue()),
          type: fc.oneof(fc.constantFrom('__proto__', 'toString', ...STEP_TYPES), fc.jsonValue()),
          config: fc.jsonValue(),
          branches: fc.oneof(
            fc.jsonValue(),
            fc.record({ yes: fc.array(tie('step')), no: fc.array(tie('step')) }),
          ),
        },
        { requiredKeys: [] },
      ),
    })).step;
    const id = fc.constantFrom('a', 'b', 'c');
    const transition = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          fromStepId: fc.oneof(id, fc.jsonValue()),
          toStepId: fc.oneof(id, fc.jsonValue()),
          condition: fc.jsonValue(),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(
        fc.array(step),
        fc.jsonValue(),
        fc.option(fc.oneof(fc.array(transition), fc.jsonValue()), { nil: undefined }),
        (steps, trigger, transitions) =>
          void check({ name: 'x', trigger, steps, ...(transitions !== undefined && { transitions }) }),
      ),
    );
  });
});

describe('the flat form', () => {
  const mark = (id: string) => ({
    id,
    type: 'update_contact',
    config: { updates: [{ field: id, operation: 'set', value: true }] },
  });
  const way = (fromStepId: string, toStepId: string, branch?: 'yes' | 'no') => ({
    fromStepId,
    toStepId,
    ...(branch && { condition: { branch } }),
  });
  const flat = (steps: unknown[], ...transitions: unknown[]) => ({ ...sound, steps, transitions });
  const waits = { id: 'w', type: 'wait_for_event', config: { eventName: 'x' } };
  const asks = { id: 'c', type: 'condition', config: { field: 'a', operator: 'is_set' } };
  const exit = { id: 'x', type: 'exit' };

  it.each([
    [flat([delay, mark('a')], way('d', 'a'))],
    [flat([delay])],
    [
      flat(
        [asks, mark('a'), mark('b'), mark('z')],
        way('c', 'a', 'yes'),
        way('c', 'b', 'no'),
        way('a', 'z'),
        way('b', 'z'),
      ),
    ],
    [flat([mark('a'), waits], way('a', 'w'), way('w', 'a', 'no'))],
    [flat([mark('a'), delay], way('a', 'd'), way('d', 'a'))],
    [flat([waits], way('w', 'w', 'yes'))],
  ])('may converge, and go round where time passes: %j', (body) => expect(issuesOf(body)).toEqual({}));

  it.each([
    [flat([delay], way('d', 'nobody')), '/transitions/0/toStepId', 'no step "nobody"'],
    [flat([delay], way('nobody', 'd')), '/transitions/0/fromStepId', 'no step "nobody"'],
    [flat([delay, mark('a'), mark('b')], way('d', 'a'), way('d', 'b')), '/transitions/1', 'same place'],
    [flat([delay, mark('a')], way('d', 'a', 'yes')), '/transitions/0/condition', 'has no branches'],
    [flat([waits, mark('a')], way('w', 'a')), '/transitions/0/condition', 'two branches'],
    [flat([exit, mark('a')], way('x', 'a')), '/transitions/0/fromStepId', 'nothing leads away'],
    [flat([delay, mark('a')]), '/steps/1', 'No way leads here'],
    [flat([mark('a'), mark('b')], way('a', 'b'), way('b', 'a')), '/steps/0', 'a, b lead back'],
    [
      flat([delay, asks, mark('a')], way('d', 'c'), way('c', 'a', 'yes'), way('c', 'd', 'no'), way('a', 'c')),
      '/steps/1',
      'c, a lead back',
    ],
    [flat([{ ...waits, branches: { yes: [] } }]), '/steps/0/branches', 'flat list'],
    [flat([delay], { fromStepId: 'd' }), '/transitions/0/toStepId', ''],
    [{ ...sound, transitions: {} }, '/transitions', ''],
    [flat([delay], { ...way('d', 'd'), colour: 'red' }), '/transitions/0/colour', 'not known'],
  ])('is refused: %j', (body, path, words) =>
    expect(issuesOf(body)[path]).toEqual(expect.stringContaining(words)),
  );

  it('has every issue told at once, what is wrong with a step as well as with the ways', () => {
    const body = flat([delay, { ...mark('a'), config: {} }, waits], way('d', 'nobody'), way('w', 'a'));
    expect(Object.keys(issuesOf(body)).sort()).toEqual([
      '/steps/1',
      '/steps/1/config/updates',
      '/steps/2',
      '/transitions/0/toStepId',
      '/transitions/1/condition',
    ]);
  });
});

describe('the guide', () => {
  it('shows definitions that are right', () => {
    const guide = readFileSync(new URL('../../../../docs/guide/workflows.md', import.meta.url), 'utf8');
    const shown = [...guide.matchAll(/```json\n([^]*?)```/g)].map(([, json]) => JSON.parse(json!) as object);
    const definitions = shown.filter((json) => 'steps' in json);
    expect(definitions).toHaveLength(2);
    for (const definition of definitions) expect(issuesOf(definition)).toEqual({});
  });
});
