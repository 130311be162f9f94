import {
  actionRequestSchemas,
  actionSchemas,
  decodeRequestedAction,
  isStorableText,
  validator,
  type ActionKind,
  type AnyRequestedAction,
  type Issue,
  type RawMessage,
  type Validation,
} from '@trackline/contracts';
import { isUuid } from '@trackline/kernel';

/** A message that can never be delivered, whoever reads it again. */
export interface Unreadable {
  readonly reason: 'undecodable' | 'invalid';
  readonly detail: string;
}

const checkConversion = validator(actionSchemas.requestedConversion);
const checkByWorkflow = validator(actionSchemas.requestedByWorkflow);
const checkRequest = Object.fromEntries(
  Object.entries(actionRequestSchemas).map(([kind, schema]) => [kind, validator(schema)]),
) as Record<ActionKind, (value: unknown) => Validation<unknown>>;

/** Sent back by hand, a dead letter whose body was too large to come along: its delivery stays given up. */
const NO_BODY: Unreadable = {
  reason: 'undecodable',
  detail:
    'The message has no body. A dead letter without one is sent back from its source: see docs/runbooks/dead-letters.md.',
};

/** The action of a message, held against what the contracts say. */
export function readAction(message: RawMessage): AnyRequestedAction | Unreadable {
  if (message.value === null) return NO_BODY;
  let action: AnyRequestedAction;
  try {
    action = decodeRequestedAction(message);
  } catch (error) {
    return { reason: 'undecodable', detail: (error as Error).message };
  }
  const issue = issueOf(action);
  if (!issue) return action;
  return { reason: 'invalid', detail: `${issue.path || 'The action'}: ${issue.message}` };
}

function issueOf(action: AnyRequestedAction): Issue | undefined {
  const whole = (action.kind === 'conversion' ? checkConversion : checkByWorkflow)(action);
  if (!whole.ok) return whole.issues[0];
  const request = checkRequest[action.kind](action.request);
  if (!request.ok) {
    const { path, message } = request.issues[0]!;
    return { path: `/request${path}`, message };
  }
  const wrong = idsOf(action).find(([, id]) => !isUuid(id));
  if (wrong) return { path: `/${wrong[0]}`, message: 'is no UUID' };
  return isStorableText(action.kind === 'conversion' ? action.id : action.id + action.stepId)
    ? undefined
    : { path: '/id', message: 'must be well-formed text' };
}

function idsOf(action: AnyRequestedAction): readonly (readonly [name: string, id: string])[] {
  const { organizationId, contactId } = action;
  const of = Object.entries({ organizationId, contactId });
  if (action.kind === 'conversion') return [...of, ['eventId', action.eventId]];
  return [...of, ['executionId', action.executionId], ['workflowId', action.workflowId]];
}
