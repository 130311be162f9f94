/** HTML that is safe to put into a page as it is. Everything else is text, and is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = Html | string | number | undefined | false | readonly Value[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!);

function render(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return (value as readonly Value[]).map(render).join('');
  return escape(String(value));
}

export const html = (strings: TemplateStringsArray, ...values: Value[]): Html =>
  new Html(strings.reduce((page, string, at) => page + render(values[at - 1]) + string));

/** Prose as the contracts write it: what stands in backticks is code. */
export const prose = (text: string): Html =>
  new Html(
    text
      .split('`')
      .map((part, at) => (at % 2 ? `<code>${escape(part)}</code>` : escape(part)))
      .join(''),
  );
