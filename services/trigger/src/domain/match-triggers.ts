import { passes } from './comparison.ts';
import type { Workflow } from './execution.ts';
import type { OrganizationWorkflows } from './organization.ts';

const NONE: readonly Workflow[] = [];

/** The workflows that an event of this name may start; whether it does hangs on its properties. */
export const candidates = (organization: OrganizationWorkflows, name: string): readonly Workflow[] =>
  organization.startedBy.get(name) ?? NONE;

/** The workflows that the event starts. */
export const matchTriggers = (
  organization: OrganizationWorkflows,
  name: string,
  properties: Readonly<Record<string, unknown>>,
): readonly Workflow[] =>
  candidates(organization, name).filter(({ definition }) => passes(definition.trigger.filter, properties));
