import { storableIssue, type FilterClause, type StepType } from '@trackline/contracts';
import { placeholderProblems } from './template.ts';
import { checkClause, checkFilter } from './validate-clauses.ts';
import { checkWebhook } from './validate-webhook.ts';
import { explained, isRecord, type Check, type Place } from './validation-issues.ts';

type Config = Record<string, unknown>;

/** What the shape of a config cannot say. */
const MORE: { readonly [Type in StepType]?: (config: Config, place: Place) => void } = {
  send_email: checkEmail,
  send_whatsapp: (config, place) => checkOneOf(config, ['body', 'template'], 'A message', place),
  condition: (config, { path, tell }) => checkClause(config as unknown as FilterClause, path, tell),
  wait_for_event: (config, place) => {
    checkOneOf(config, ['eventName', 'eventNames'], 'A wait', place);
    checkFilter(config.filter, `${place.path}/filter`, place.tell);
  },
  delay: checkDelay,
  webhook: checkWebhook,
};

const TEMPLATED: readonly StepType[] = ['send_email', 'send_sms', 'send_whatsapp', 'webhook'];

export function checkConfig(type: StepType, given: unknown, check: Check, place: Place): void {
  const { path, tell } = place;
  const config = given ?? (type === 'exit' ? {} : undefined);
  if (!isRecord(config)) return tell(path, `A step of type "${type}" needs a config.`);
  const checked = check(config);
  if (!checked.ok) for (const issue of checked.issues) tell(path + issue.path, explained(issue));
  MORE[type]?.(config, place);
  if (TEMPLATED.includes(type) && !storableIssue(config, path, MAX_TEMPLATE_DEPTH)) checkTexts(config, place);
}

/** Of one kind of thing exactly one is given. */
function checkOneOf(
  config: Config,
  [one, other]: readonly [string, string],
  what: string,
  { path, tell }: Place,
): void {
  if (config[one] === undefined && config[other] === undefined)
    tell(`${path}/${one}`, `${what} needs ${one} or ${other}.`);
  if (config[one] !== undefined && config[other] !== undefined)
    tell(`${path}/${other}`, `${what} has either ${one} or ${other}.`);
}

function checkEmail({ html, text, body }: Config, { path, tell }: Place): void {
  if (html === undefined && text === undefined && body === undefined)
    tell(`${path}/html`, 'An email needs html, text or both.');
  if (text !== undefined && body !== undefined)
    tell(`${path}/body`, '"body" means the same as "text": give one of them.');
}

const MAX_TEMPLATE_DEPTH = 20;

/** Every text that is a template. */
function checkTexts(value: unknown, { path, tell }: Place): void {
  if (typeof value === 'string') for (const problem of placeholderProblems(value)) tell(path, problem);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) checkTexts(inner, { path: `${path}/${key}`, tell });
}

const MAX_DELAY_MINUTES = 366 * 24 * 60;
const MINUTES: Readonly<Record<string, number>> = { minutes: 1, hours: 60, days: 1_440, weeks: 10_080 };

function checkDelay({ amount, unit }: Config, { path, tell }: Place): void {
  const minutes = typeof amount === 'number' && typeof unit === 'string' ? amount * (MINUTES[unit] ?? 0) : 0;
  if (minutes > MAX_DELAY_MINUTES) tell(`${path}/amount`, 'A delay is at most 366 days.');
}
