import {
  actionRequestSchemas,
  actionSchemas,
  decodeRequestedAction,
  isStorableText,
  validator,
  type ActionKind,
  type Issue,
  type RawMessage,
  type RequestedAction,
  type Validation,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';

/** A message that can never be delivered, whoever reads it again. */
export interface Unreadable {
  readonly reason: 'undecodable' | 'invalid';
  readonly detail: string;
}

const checkAction = validator(actionSchemas.requested);
const checkRequest = Object.fromEntries(
  Object.entries(actionRequestSchemas).map(([kind, schema]) => [kind, validator(schema)]),
) as Record<ActionKind, (value: unknown) => Validation<unknown>>;

const IDS = ['organizationId', 'contactId', 'executionId', 'workflowId'] as const;

/** The action of a message, held against what the contracts say. */
export function readAction(message: RawMessage): RequestedAction | Unreadable {
  let action: RequestedAction;
  try {
    action = decodeRequestedAction(message);
  } catch (error) {
    return { reason: 'undecodable', detail: (error as Error).message };
  }
  const issue = issueOf(action);
  if (!issue) return action;
  return { reason: 'invalid', detail: `${issue.path || 'The action'}: ${issue.message}` };
}

function issueOf(action: RequestedAction): Issue | undefined {
  const whole = checkAction(action);
  if (!whole.ok) return whole.issues[0];
  const request = checkRequest[action.kind](action.request);
  if (!request.ok) {
    const { path, message } = request.issues[0]!;
    return { path: `/request${path}`, message };
  }
  const wrong = IDS.find((name) => !isUuid(action[name]));
  if (wrong) return { path: `/${wrong}`, message: 'is no UUID' };
  return isStorableText(action.id + action.stepId)
    ? undefined
    : { path: '/id', message: 'must be well-formed text' };
}
