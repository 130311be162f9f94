import type { Execution } from '../../domain/execution.ts';

/** The partition to which an execution's timer belongs: its contact's. */
export type PartitionOf = (execution: Pick<Execution, 'organizationId' | 'contactId'>) => number;
