import { createHash } from 'node:crypto';
import type { OpenApiDocument } from '@trackline/contracts';
import { html, Html, prose } from './html.ts';
import { code, methodBadge, routeSection, type DocumentedRoute } from './route-section.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** Hashes of the texts between the tags, to the byte. The page needs nothing from anywhere: not even a mistake in it could load or send something. */
export const DOCS_SECURITY_POLICY = [
  "default-src 'none'",
  ...[
    ['style-src', STYLE],
    ['script-src', SCRIPT],
  ].map(
    ([directive, text]) => `${directive} 'sha256-${createHash('sha256').update(text!).digest('base64')}'`,
  ),
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The whole reference as one page that needs nothing else: made once, from the same document as `/openapi.json`. */
export function docsPage(document: OpenApiDocument): string {
  const { info, tags, servers } = document;
  const routes = routesOf(document);
  const groups = tags.map(({ name }) => ({
    name,
    id: `tag-${name.toLowerCase().replaceAll(/\W+/g, '-')}`,
    routes: routes.filter(({ operation }) => operation.tags[0] === name),
  }));
  const serverUrl = (servers[0]?.url ?? '').replace(/\/$/, '');
  const place = { schemas: document.components.schemas, serverUrl: serverUrl || 'http://127.0.0.1:8080' };
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${info.title} API</title>
        ${new Html(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the routes</a>
        <nav aria-label="Routes">
          <details open>
            <summary>${info.title} <small>${info.version}</small></summary>
            <input type="search" placeholder="Filter routes" aria-label="Filter routes" data-filter />
            ${groups.map(
              ({ name, id, routes: own }) =>
                html`<section>
                  <h2><a href="#${id}">${name}</a></h2>
                  <ul>
                    ${own.map(
                      ({ method, path, operation }) =>
                        html`<li data-words="${method} ${path} ${operation.summary.toLowerCase()}">
                          <a href="#${operation.operationId}"
                            >${methodBadge(method)}<span>${operation.summary}</span></a
                          >
                        </li>`,
                    )}
                  </ul>
                </section>`,
            )}
          </details>
        </nav>
        <main id="content">
          <header class="intro">
            <h1>${info.title} API</h1>
            <p>${prose(info.description)}</p>
            <p>The same for programs: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
            ${code('Every request carries a key of your organisation', authorizationLine(place.serverUrl))}
            <h4>Every error has this form</h4>
            ${code('Error', ERROR_FORM)}
          </header>
          ${groups.map(
            ({ name, id, routes: own }) =>
              html`<section class="group" aria-labelledby="${id}">
                <h2 id="${id}">${name}</h2>
                ${own.map((route) => routeSection(route, place))}
              </section>`,
          )}
        </main>
        ${new Html(`<script>${SCRIPT}</script>`)}
      </body>
    </html>`;
  return page.text;
}

const routesOf = ({ paths }: OpenApiDocument): DocumentedRoute[] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method, path, operation })),
  );

const authorizationLine = (serverUrl: string): string =>
  `curl '${serverUrl}/v1/contacts' -H "Authorization: Bearer $API_KEY"`;

const ERROR_FORM = JSON.stringify(
  {
    success: false,
    error: 'The body is not right at /name: Expected string length greater or equal to 1.',
    code: 'VALIDATION_FAILED',
    requestId: '0193a5f2-7c1e-7b1a-9d53-3f0c2a9e4b11',
    details: [{ path: '/name', message: 'Expected string length greater or equal to 1' }],
  },
  null,
  2,
);
