import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { openApiDocument, routes } from '@trackline/contracts';
import { DOCS_SECURITY_POLICY, docsPage } from './docs-page.ts';
import { exampleOf } from './example.ts';
import { html, prose } from './html.ts';
import { fieldsOf } from './schema-fields.ts';

const document = openApiDocument(routes, { version: '1.2.3', serverUrl: 'https://api.example/' });
const page = docsPage(document);

describe('the page of the API', () => {
  it('has a section, a way to it and a curl line for every route', () => {
    for (const { id, method, path, summary } of routes) {
      expect(page).toContain(`id="${id}"`);
      expect(page).toContain(`href="#${id}"`);
      expect(page).toContain(html`${summary}`.text);
      const address = path.replaceAll(/:(\w+)/g, '{$1}');
      expect(page).toContain(
        `curl ${method === 'GET' ? '' : `-X ${method} `}&#39;https://api.example${address}&#39;`,
      );
    }
  });

  it('needs nothing from anywhere', () => {
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(page).not.toMatch(/@import|url\(/);
    expect(DOCS_SECURITY_POLICY).toMatch(
      /default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+';/,
    );
  });

  it('is allowed its own style and script', () => {
    for (const tag of ['style', 'script']) {
      const text = new RegExp(`<${tag}>([^]*?)</${tag}>`).exec(page)![1]!;
      const hash = createHash('sha256').update(text).digest('base64');
      expect(DOCS_SECURITY_POLICY).toContain(`${tag}-src 'sha256-${hash}'`);
    }
  });

  it('has each anchor once', () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('text on the page', () => {
  it('is text, whatever it looks like', () => {
    expect(html`<b>${'<script>"&\''}</b>`.text).toBe('<b>&lt;script&gt;&quot;&amp;&#39;</b>');
    expect(prose('see `<a>` & co').text).toBe('see <code>&lt;a&gt;</code> &amp; co');
  });
});

describe('fields of a schema', () => {
  const schemas = {
    Step: {
      type: 'object',
      required: ['id'],
      properties: {
        id: { type: 'string', minLength: 1, maxLength: 9 },
        next: { type: 'array', items: { $ref: '#/components/schemas/Step' } },
      },
    },
  };

  it('are told with the way to them, and a schema inside itself once', () => {
    const fields = fieldsOf(
      { type: 'object', properties: { step: { $ref: '#/components/schemas/Step' } } },
      schemas,
    );
    expect(fields.map(({ path, type, required, bounds }) => [path, type, required, bounds])).toEqual([
      ['step', 'Step', false, ''],
      ['step.id', 'string', true, '1 to 9 characters'],
      ['step.next', 'Step[]', false, ''],
    ]);
  });

  it('make an example that is JSON, also of a schema inside itself', () => {
    const example = exampleOf({ $ref: '#/components/schemas/Step' }, schemas);
    expect(JSON.parse(JSON.stringify(example))).toEqual({ id: expect.any(String), next: [{}] });
  });
});
