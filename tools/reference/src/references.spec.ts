import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { routes, topics } from '@trackline/contracts';
import { references } from './references.ts';

const require = createRequire(import.meta.url);
const pages = references('1.2.3');
const parsed = (name: string) => JSON.parse(pages.get(name)!) as Record<string, object>;

describe('openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(parsed('openapi.json'));
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  it('has every route once', () => {
    const operations = Object.values(parsed('openapi.json')['paths']!).flatMap((methods: object) =>
      Object.values(methods),
    );
    const ids = operations.map((operation: { operationId: string }) => operation.operationId);
    expect(ids.sort()).toEqual(routes.map((route) => route.id).sort());
  });

  it('refers to nothing that is not there', () => {
    const document = parsed('openapi.json');
    for (const [, pointer = ''] of pages.get('openapi.json')!.matchAll(/"\$ref": "#\/([^"]+)"/g)) {
      expect(
        pointer.split('/').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document),
      ).toBeDefined();
    }
  });
});

describe('asyncapi.json', () => {
  it('is valid AsyncAPI 3.0', () => {
    const schema = require('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
    // the specification's schema names draft-07 and keywords of its own
    const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
    formats.default(ajv);
    const validate = ajv.compile(schema);
    validate(parsed('asyncapi.json'));
    expect(validate.errors ?? []).toEqual([]);
  });

  it('has a channel and a message for every topic', () => {
    const { channels } = parsed('asyncapi.json');
    expect(Object.keys(channels!).sort()).toEqual(topics.map((topic) => topic.name).sort());
  });
});

describe('the pages', () => {
  it('name every route and topic', () => {
    for (const { method, path } of routes) {
      expect(pages.get('http.md')).toContain(`### ${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}\n`);
    }
    for (const { name } of topics) expect(pages.get('topics.md')).toContain(`\`${name}\``);
  });

  it('are the same every time', () => {
    expect([...references('1.2.3')]).toEqual([...pages]);
  });
});
