import type { OpenApiDocument } from '@trackline/contracts';

export const docsPage = (document: OpenApiDocument): string =>
  `<!doctype html><title>${document.info.title}</title>`;
