import { isExpired, monthsToMake, type PartitionedTable } from '../domain/retention.ts';
import type { KeptPartitions, PartitionInventory } from '../ports.ts';

const TABLES: readonly PartitionedTable[] = ['event', 'refusal', 'execution_effect'];

/** Makes the months that will be needed and drops those whose youngest row is past keeping. May run anywhere, any time, twice at once. */
export async function keepPartitions(inventory: PartitionInventory, nowMs: number): Promise<KeptPartitions> {
  const made: string[] = [];
  const dropped: KeptPartitions['dropped'][number][] = [];
  const failed: KeptPartitions['failed'][number][] = [];
  for (const table of TABLES) {
    made.push(...(await inventory.make(table, monthsToMake(table, nowMs))));
    for (const monthMs of await inventory.months(table)) {
      if (!isExpired(table, monthMs, nowMs)) continue;
      try {
        await inventory.drop(table, monthMs);
        dropped.push({ table, monthMs });
      } catch (error) {
        failed.push({ table, monthMs, error });
      }
    }
  }
  return { made, dropped, failed };
}
