import type {
  ActionRequests,
  EmailRequest,
  SendEmailConfig,
  SendSmsConfig,
  SendWhatsappConfig,
  SmsRequest,
  WebhookConfig,
  WebhookRequest,
  WhatsappRequest,
  WorkflowActionKind,
  WorkflowStep,
} from '@trackline/contracts';
import type { ContactView, FieldScope } from './fields.ts';
import {
  asHtml,
  asOneLine,
  asPartOfAddress,
  asPartOfJson,
  asPartOfUrl,
  render,
  renderJson,
  TooLong,
  type Escape,
} from './template.ts';

export type RequestStep = Extract<
  WorkflowStep,
  { type: 'send_email' | 'send_sms' | 'send_whatsapp' | 'webhook' }
>;

const REQUESTING: ReadonlySet<string> = new Set<RequestStep['type']>([
  'send_email',
  'send_sms',
  'send_whatsapp',
  'webhook',
]);
export const isRequest = (step: WorkflowStep): step is RequestStep => REQUESTING.has(step.type);

/**
 * Why nothing can be requested. `no_contact`: it was erased. `no_address`: it has no email or phone. `too_long`: more than the channel,
 * or we, take. `empty`: nothing is left to be sent once the placeholders are filled in. `not_linked`: nobody has learnt whose contact it is.
 */
export type RequestRefusal = 'no_contact' | 'no_address' | 'too_long' | 'empty' | 'not_linked';

export type KindAndRequest = {
  readonly [Kind in WorkflowActionKind]: { readonly kind: Kind; readonly request: ActionRequests[Kind] };
}[WorkflowActionKind];

export type RenderedRequest = (KindAndRequest | { readonly refusal: RequestRefusal }) & {
  /** Names of placeholders that nothing was found for. */
  readonly missing: readonly string[];
};

const MAX_SMS_CHARACTERS = 1_600;
const MAX_WHATSAPP_CHARACTERS = 4_096;
const MAX_URL_CHARACTERS = 8_192;

/** What a step wants to have done outside, with all its placeholders filled in. */
export function renderRequest(step: RequestStep, scope: FieldScope): RenderedRequest {
  if (!scope.contact) return { refusal: 'no_contact', missing: [] };
  const paper = new Paper(scope);
  try {
    const rendered = requestOf(step, scope.contact, paper);
    return { ...(typeof rendered === 'string' ? { refusal: rendered } : rendered), missing: paper.missing };
  } catch (error) {
    if (error instanceof TooLong) return { refusal: 'too_long', missing: paper.missing };
    throw error;
  }
}

function requestOf(
  step: RequestStep,
  { email, phone }: ContactView,
  paper: Paper,
): KindAndRequest | RequestRefusal {
  switch (step.type) {
    case 'send_email':
      return email ? { kind: 'email', request: toEmail(step.config, email, paper) } : 'no_address';
    case 'send_sms':
      return phone ? toSms(step.config, phone, paper) : 'no_address';
    case 'send_whatsapp':
      return phone ? toWhatsapp(step.config, phone, paper) : 'no_address';
    case 'webhook':
      return toWebhook(step.config, paper);
  }
}

/** Fills in one text after another, and gathers what was missing. */
class Paper {
  readonly missing: string[] = [];
  private readonly scope: FieldScope;

  constructor(scope: FieldScope) {
    this.scope = scope;
  }

  text(template: string, escape?: Escape): string {
    const { value, missing } = render(template, this.scope, escape);
    this.note(missing);
    return value;
  }

  /** What the template says itself is in one line, too. */
  line(template: string, escape: Escape = asOneLine): string {
    return asOneLine(this.text(template, escape)).trim();
  }

  json(template: unknown): string {
    const { value, missing } = renderJson(template, this.scope);
    this.note(missing);
    return value;
  }

  private note(missing: readonly string[]): void {
    for (const name of missing) if (!this.missing.includes(name)) this.missing.push(name);
  }
}

function toEmail(config: SendEmailConfig, to: string, paper: Paper): EmailRequest {
  const { subject, html, text = config.body, from, replyTo } = config;
  return {
    to,
    subject: paper.line(subject),
    ...(from !== undefined && { from: paper.line(from, asPartOfAddress) }),
    ...(replyTo !== undefined && { replyTo: paper.line(replyTo, asPartOfAddress) }),
    ...(html !== undefined && { html: paper.text(html, asHtml) }),
    ...(text !== undefined && { text: paper.text(text) }),
  };
}

function toSms({ body }: SendSmsConfig, to: string, paper: Paper): KindAndRequest | RequestRefusal {
  const request: SmsRequest = { to, body: paper.text(body) };
  return problemOf(request.body, MAX_SMS_CHARACTERS) ?? { kind: 'sms', request };
}

function toWhatsapp(
  { body, template, phoneNumberId }: SendWhatsappConfig,
  to: string,
  paper: Paper,
): KindAndRequest | RequestRefusal {
  const by = phoneNumberId === undefined ? {} : { phoneNumberId };
  if (template) {
    const { name, language, parameters = [] } = template;
    const filled = parameters.map((parameter) => paper.line(parameter, asParameter));
    const request: WhatsappRequest = { to, template: { name, language, parameters: filled }, ...by };
    return { kind: 'whatsapp', request };
  }
  const request: WhatsappRequest = { to, body: paper.text(body ?? ''), ...by };
  return problemOf(request.body ?? '', MAX_WHATSAPP_CHARACTERS) ?? { kind: 'whatsapp', request };
}

/** Meta refuses parameters with line breaks, tabs, or more than four spaces in a row (error 132018). */
const asParameter: Escape = (text) => asOneLine(text).replace(/ {5,}/g, '    ');

function problemOf(body: string, mostCharacters: number): RequestRefusal | undefined {
  if (body.trim() === '') return 'empty';
  return body.length > mostCharacters ? 'too_long' : undefined;
}

function toWebhook(config: WebhookConfig, paper: Paper): KindAndRequest | RequestRefusal {
  const { method = 'POST' } = config;
  const url = paper.text(config.url, asPartOfUrl);
  if (url.length > MAX_URL_CHARACTERS) return 'too_long';
  const { body, contentType } = toBody(config, paper);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(config.headers ?? {}))
    headers[name.toLowerCase()] = paper.line(value);
  if (contentType !== undefined) headers['content-type'] ??= contentType;
  const request: WebhookRequest = { url, method, headers, ...(body !== undefined && { body }) };
  return { kind: 'webhook', request };
}

const JSON_TYPE = 'application/json';

/** Text that is to be JSON keeps being JSON, whatever the values are. */
function toBody(
  { body, headers = {} }: WebhookConfig,
  paper: Paper,
): { readonly body?: string; readonly contentType?: string } {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'string') return { body: paper.json(body), contentType: JSON_TYPE };
  const given = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const isJson = given === undefined ? /^\s*[{[]/.test(body) : /\bjson\b/i.test(given);
  return {
    body: paper.text(body, isJson ? asPartOfJson : undefined),
    contentType: isJson ? JSON_TYPE : 'text/plain; charset=utf-8',
  };
}
