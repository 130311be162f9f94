import type { WhatsappRequest } from '@trackline/contracts';
import { failureOfGraph, parsedAnswer } from './graph-answer.ts';
import type { HttpAnswer } from './http-answer.ts';
import type { AttemptOutcome } from './outcome.ts';
import { shownText } from './shown.ts';

const PHONE_NUMBER_ID = /^\d{1,32}$/;

/** The number that sends, or nothing when what the workflow names cannot be one. */
export function senderOf(request: WhatsappRequest, ownPhoneNumberId: string): string | undefined {
  const id = request.phoneNumberId ?? ownPhoneNumberId;
  return PHONE_NUMBER_ID.test(id) ? id : undefined;
}

/**
 * The body of `POST /{phone-number-id}/messages`
 * (https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api).
 * Meta gives `biz_opaque_callback_data` back with each status of the message.
 */
export function toMessage(mark: string, { to, body, template }: WhatsappRequest): object | undefined {
  const head = {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to,
    biz_opaque_callback_data: mark,
  };
  if (template) {
    const { name, language, parameters } = template;
    const components = [{ type: 'body', parameters: parameters.map((text) => ({ type: 'text', text })) }];
    return {
      ...head,
      type: 'template',
      template: { name, language: { code: language }, ...(parameters.length > 0 && { components }) },
    };
  }
  return body === undefined ? undefined : { ...head, type: 'text', text: { body } };
}

interface SentMessages {
  readonly messages?: readonly { readonly id?: unknown }[];
}

/** What Meta said. */
export function outcomeOfGraph(answer: HttpAnswer, nowMs: number): AttemptOutcome {
  const { status } = answer;
  if (status < 200 || status >= 300) return failureOfGraph(answer, nowMs);
  const id = parsedAnswer<SentMessages>(answer)?.messages?.[0]?.id;
  // Accepted all the same: sending it again would be the greater harm.
  return typeof id === 'string'
    ? { kind: 'delivered', providerMessageId: shownText(id, 500), detail: { status } }
    : { kind: 'delivered', detail: { status, note: 'The answer names no message.' } };
}
