import type { Effects } from '../domain/effects.ts';
import type { Execution } from '../domain/execution.ts';
import type { Commit } from '../ports.ts';
import { heldSettings, type SettingsRead } from './held-settings.ts';
import { heldVersions } from './held-versions.ts';
import type { KnownWorkflows, Organizations } from './known-workflows.ts';
import { toOutbox } from './outbox.ts';

export interface EffectsCommitDependencies {
  readonly workflows: KnownWorkflows;
  readonly newId: () => string;
  /** Executions that all partitions together can start at once. */
  readonly slack: number;
}

export type PartitionOfContact = (of: { organizationId: string; contactId: string }) => number;

/** What effects were decided on. */
export interface DecidedOn {
  readonly organizations: Organizations;
  readonly settings: SettingsRead;
  /** Executions whose timer does not concern them any more. */
  readonly settled?: readonly Execution[];
}

/** Effects as they are to be committed: with what they bring about outside, and what they were decided on. */
export async function toEffectsCommit(
  effects: Effects,
  { organizations, settings, settled = [] }: DecidedOn,
  partitionOf: PartitionOfContact,
  use: EffectsCommitDependencies,
): Promise<Commit & { readonly outbox: NonNullable<Commit['outbox']> }> {
  const changed = [...effects.executions.values()].map(({ execution }) => execution);
  const workflowOf = await use.workflows.workflowsOf(changed, organizations);
  return {
    effects,
    outbox: toOutbox(effects, partitionOf, use.newId),
    ...(settled.length > 0 && { settled }),
    ...(settings.revived && { revived: settings.revived }),
    unchanged: heldVersions(effects, settled, organizations),
    ...heldSettings(effects, workflowOf, settings, use.slack),
  };
}
