import type { Effects } from '../domain/effects.ts';
import type { Execution } from '../domain/execution.ts';
import type { Organizations } from './known-workflows.ts';

/**
 * Organisations whose workflows must not have changed by the commit: an execution is held because its workflow is paused, or its
 * timer is set aside. Were the workflow enabled in between, nobody would come back to the execution.
 */
export function heldVersions(
  effects: Effects,
  settled: readonly Execution[],
  organizations: Organizations,
): ReadonlyMap<string, number> {
  const versions = new Map<string, number>();
  const held = [...effects.executions.values()]
    .map(({ execution }) => execution)
    .filter(({ status }) => status === 'paused');
  for (const { organizationId } of [...held, ...settled])
    versions.set(organizationId, organizations.get(organizationId)?.version ?? 0);
  return versions;
}
