import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FieldScope } from './fields.ts';
import { readProperties } from './read-properties.ts';
import {
  asHtml,
  asOneLine,
  asPartOfAddress,
  asPartOfJson,
  asPartOfUrl,
  MAX_RENDERED_CHARACTERS,
  placeholderProblems,
  render,
  renderJson,
  TooLong,
} from './template.ts';

const scope: FieldScope = {
  contact: {
    id: 'c1',
    email: 'ada@example.com',
    firstName: 'Ada',
    properties: { plan: 'pro', city: 'London', empty: '' },
  },
  trigger: {
    eventId: 'e1',
    name: 'order',
    properties: {
      product_name: 'Lamp',
      order_total: 49.9,
      delivery_date: '2026-12-01',
      firstName: 'of the event',
      both: 'of the trigger',
      items: [{ name: 'a' }, { name: 'b' }],
      tags: ['x', 1, true],
      nested: { deep: { er: 7 } },
      'dotted.name': 'kept',
      none: null,
    },
  },
  resumes: { w: { eventId: 'e2', name: 'paid', properties: { method: 'card', both: 'of the resume' } } },
  latest: { eventId: 'e2', name: 'paid', properties: { method: 'card', both: 'of the resume' } },
};
const text = (template: string) => render(template, scope).value;

/** A scope in which `x` is this. */
const having = (x: unknown): FieldScope => {
  const event = { eventId: 'e', name: 'e', properties: { x } };
  return { contact: undefined, trigger: event, resumes: {}, latest: event };
};

describe('a template', () => {
  it('is filled in as the contract shows', () => {
    expect(
      text('Hi! Your order for {{product_name}} ({{order_total}}€) will arrive on {{delivery_date}}.'),
    ).toBe('Hi! Your order for Lamp (49.9€) will arrive on 2026-12-01.');
  });

  it.each([
    ['{{both}}', 'of the resume'],
    ['{{event.both}}', 'of the trigger'],
    ['{{waits.w.event.method}}', 'card'],
    ['{{firstName}}', 'of the event'],
    ['{{contact.firstName}}', 'Ada'],
    ['{{city}}', 'London'],
    ['{{ email }}', 'ada@example.com'],
    ['{{nested.deep.er}}', '7'],
    ['{{dotted.name}}', 'kept'],
    ['{{tags}}', 'x, 1, true'],
    ['{{items}}', '[{"name":"a"},{"name":"b"}]'],
    ['{{nobody|there}}', 'there'],
    ['{{ nobody | there, you }}', 'there, you'],
    ['{{empty|nothing}}', 'nothing'],
    ['{{firstName|there}}', 'of the event'],
    ['{{}} { {city} } {{{city}}}', '{{}} { {city} } {London}'],
  ])('%s becomes %s', (template, expected) => expect(text(template)).toBe(expected));

  it('renders what is missing as nothing, and tells it', () => {
    expect(render('a{{nobody}}b{{none}}c{{empty}}d{{gone|}}', scope)).toEqual({
      value: 'abcd',
      missing: ['nobody', 'none'],
    });
    expect(render('{{contact.email}}', { ...scope, contact: undefined }).missing).toEqual(['contact.email']);
    expect(render('{{constructor}}{{__proto__}}{{toString}}', scope).value).toBe('');
  });

  it.each([
    [10.5, '10.5'],
    [0.0000001, '0.0000001'],
    [-0.00000125, '-0.00000125'],
    [12345678901, '12345678901'],
    [0, '0'],
    [false, 'false'],
    ['10.50', '10.50'],
    ['2026-12-01T10:00:00+01:00', '2026-12-01T10:00:00+01:00'],
  ])('shows the value %j as %s', (x, expected) => expect(render('{{x}}', having(x)).value).toBe(expected));

  it.each([
    ['{{total}}', '10.50'],
    ['{{id}}', '9007199254740993'],
    ['{{large}} {{small}} {{plain}}', '1e3 0.0000001 2.5'],
    ['{{items.0.price}} {{items.1.price}}', '1.0 2'],
    ['{{prices}}', '1.10, 2, 3.0, x'],
    ['{{items}}', '[{"price":1.0,"n":1},{"price":2}]'],
    ['{{a.b}} {{a.c}}', '10.5 7.70'],
    ['{{event.total}} {{waits.w.event.total}} {{waits.w.event.of.total}}', '1.00 10.50 5.0'],
    ['{{only}} {{contact.total}} {{balance}}', '0.10 8.5 9.5'],
    ['{{text}} {{gone|1.0}}', '10.500 1.0'],
  ])('shows the numbers of events in %s as they were sent', (template, expected) => {
    const resumed = readProperties(
      `{"total":10.50,"id":9007199254740993,"large":1e3,"small":0.0000001,"plain":2.5,"text":"10.500",
        "items":[{"price":1.0,"n":1},{"price":2}],"prices":[1.10,2,3.0,"x"],"a.b":10.5,"a":{"b":10.50,"c":7.70},"of":{"total":5.0}}`,
    );
    const started = readProperties('{"total":1.00,"only":0.10}');
    const latest = { eventId: 'e2', name: 'paid', ...resumed };
    const sent: FieldScope = {
      contact: { id: 'c1', properties: JSON.parse('{"total":8.50,"balance":9.50}') },
      trigger: { eventId: 'e1', name: 'order', ...started },
      resumes: { w: latest },
      latest,
    };
    expect(render(template, sent).value).toBe(expected);
  });

  it('shows any number of an event as it was sent', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
        fc.nat(9),
        fc.nat(9),
        (whole, tenths, rest) => {
          const text = `${whole}.${tenths}${rest}`;
          const event = { eventId: 'e', name: 'e', ...readProperties(`{"deep":[{"x":${text}}]}`) };
          const one = { contact: undefined, trigger: event, resumes: {}, latest: event };
          expect(render('{{deep.0.x}}', one).value).toBe(text);
          expect(renderJson(['{{deep}}', '<{{deep.0.x}}>'], one).value).toBe(`[[{"x":${text}}],"<${text}>"]`);
        },
      ),
    );
  });

  it('never reads a value again', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('{{secret}}', '{{x}}', '$&', '$1', '{{', '}}'),
        fc.string(),
        (evil, rest) => {
          const { properties, ...event } = having(evil + rest).latest;
          const latest = { ...event, properties: { ...properties, secret: 'SECRET' } };
          const rendered = render('<{{x}}>', { contact: undefined, trigger: latest, resumes: {}, latest });
          expect(rendered).toEqual({ value: `<${evil}${rest}>`, missing: [] });
        },
      ),
    );
  });

  it('has no end to what a value may do only up to a limit', () => {
    const long = having('x'.repeat(60_000));
    expect(() => render('{{x}}'.repeat(1_000), long)).toThrow(TooLong);
    expect(() => renderJson(Array(1_000).fill('{{x}}'), long)).toThrow(TooLong);
    expect(render('{{x}}', long).value.length).toBeLessThan(MAX_RENDERED_CHARACTERS);
  });

  it('is read in a time that does not grow out of hand', () => {
    for (const evil of ['{{'.repeat(100_000), '{{' + ' '.repeat(200_000), '{{a|'.repeat(50_000)])
      expect(render(evil, scope).value).toBe(evil);
  });

  it('says what of another template language it does not know', () => {
    expect(placeholderProblems('{{#if x}}a{{/if}} {{name}} {{name|x}}')).toHaveLength(2);
    expect(placeholderProblems('a { b } {{name}}')).toEqual([]);
  });
});

describe('a value', () => {
  const anything = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));

  it('injects no markup into HTML', () => {
    expect(render('<p>{{x}}</p>', having(`<img src=x onerror='a("b")'>&`), asHtml).value).toBe(
      '<p>&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;</p>',
    );
    fc.assert(
      fc.property(anything, (x) => expect(asHtml(x)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/)),
    );
  });

  it('injects no header', () => {
    expect(asOneLine('a\r\nBcc: b@example.com')).toBe('a Bcc: b@example.com');

    fc.assert(fc.property(anything, (x) => expect(asOneLine(x)).not.toMatch(/[\u0000-\u001f\u2028]/)));
  });

  it('adds no address', () => {
    expect(asPartOfAddress('Ada" <a@example.com>, b@example.com')).toBe('Ada a@example.com b@example.com');
  });

  it('changes no address of a webhook', () => {
    expect(asPartOfUrl('a/../b?c=d&e#f')).toBe('a%2F..%2Fb%3Fc%3Dd%26e%23f');
    fc.assert(fc.property(anything, (x) => expect(asPartOfUrl(x)).not.toMatch(/[/?#&=@:]/)));
  });

  it('stays within the quotes of a JSON text', () => {
    fc.assert(
      fc.property(anything, (x) =>
        expect(JSON.parse(render('{"a":"<{{x}}>"}', having(x), asPartOfJson).value)).toEqual({ a: `<${x}>` }),
      ),
    );
  });
});

describe('a JSON template', () => {
  it('keeps its shape and types, whatever the values are', () => {
    const template = {
      total: '{{order_total}}',
      words: 'of {{product_name}}',
      list: ['{{tags}}', 1, null, true],
      inner: { items: '{{items}}', missing: '{{nobody}}', other: '{{nobody|0}}' },
      '{{key}}': 'kept',
    };
    const { value, missing } = renderJson(template, scope);
    expect({ value: JSON.parse(value), missing }).toEqual({
      value: {
        total: 49.9,
        words: 'of Lamp',
        list: [['x', 1, true], 1, null, true],
        inner: { items: [{ name: 'a' }, { name: 'b' }], missing: '', other: '0' },
        '{{key}}': 'kept',
      },
      missing: ['nobody'],
    });
  });

  it('is JSON with any value in it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (x, around) => {
        const { value } = renderJson({ a: '{{x}}', b: `${around}{{x}}`, c: around }, having(x));
        const taken = x === null ? '' : x;
        expect(JSON.stringify(JSON.parse(value))).toBe(value);
        expect((JSON.parse(value) as { a: unknown }).a).toEqual(JSON.parse(JSON.stringify(taken)));
      }),
    );
  });
});
