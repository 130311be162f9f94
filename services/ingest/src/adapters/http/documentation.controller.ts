import { Controller, Header, Inject } from '@nestjs/common';
import { getDocs, getOpenApi, type OpenApiDocument } from '@trackline/contracts';
import { Route } from '@trackline/http';
import { API_DOCUMENT } from '../../tokens.ts';
import { DOCS_SECURITY_POLICY } from './docs/docs-page.ts';

export interface ApiDocument {
  readonly openApi: OpenApiDocument;
  /** The same as a page to read. */
  readonly html: string;
}

@Controller()
export class DocumentationController {
  constructor(@Inject(API_DOCUMENT) private readonly document: ApiDocument) {}

  @Route(getOpenApi)
  openApi(): OpenApiDocument {
    return this.document.openApi;
  }

  @Route(getDocs)
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', DOCS_SECURITY_POLICY)
  page(): string {
    return this.document.html;
  }
}
