import type { AnyRequestedAction } from '@trackline/contracts';

const TEXT_CHARACTERS = 200;

/**
 * The beginning of what someone else has said, as it can be told on: without NUL and half characters, which no database takes as text
 * and which a limit makes by itself where it falls between two halves.
 */
export const shownText = (text: string, maxCharacters: number): string =>
  text.replaceAll('\0', '').slice(0, maxCharacters).toWellFormed();

/** `a…@example.com`, `+15…00`: enough to recognise one's own, too little to write to. */
export function maskedRecipient(to: string): string {
  const at = to.lastIndexOf('@');
  if (at > 0) return `${to.slice(0, 1)}…${to.slice(at)}`;
  return to.length > 5 ? `${to.slice(0, 3)}…${to.slice(-2)}` : '…';
}

const cut = (text: string): string =>
  text.length > TEXT_CHARACTERS ? `${shownText(text, TEXT_CHARACTERS)}…` : text;

/** What the log connector tells: what would have been sent, the recipient masked, long texts cut. */
export function shownAction({ kind, request }: AnyRequestedAction): Readonly<Record<string, unknown>> {
  switch (kind) {
    case 'email': {
      const text = request.text ?? request.html ?? '';
      return { to: maskedRecipient(request.to), subject: cut(request.subject), text: cut(text) };
    }
    case 'whatsapp':
      return {
        to: maskedRecipient(request.to),
        ...(request.body !== undefined && { text: cut(request.body) }),
        ...(request.template && {
          template: request.template.name,
          parameters: request.template.parameters.map(cut),
        }),
      };
    case 'sms':
      return { to: maskedRecipient(request.to), text: cut(request.body) };
    case 'conversion':
      return { event: request.eventName, ...(request.worth && { worth: request.worth }) };
    case 'webhook':
      return { method: request.method, url: cut(request.url) };
  }
}
