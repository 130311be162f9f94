import { describe, expect, it } from '@jest/globals';
import type { PartitionedTable } from '../domain/retention.ts';
import type { PartitionInventory } from '../ports.ts';
import { keepPartitions } from './keep-partitions.ts';

const utc = (text: string) => Date.parse(text);

function inventory(there: Record<PartitionedTable, number[]>, refuses: number[] = []): PartitionInventory {
  return {
    make: async (table, months) => {
      const missing = months.filter((month) => !there[table].includes(month));
      there[table].push(...missing);
      return missing.map((month) => `${table} ${month}`);
    },
    months: async (table) => [...there[table]],
    drop: async (table, month) => {
      if (refuses.includes(month)) throw new Error('someone reads it');
      there[table] = there[table].filter((one) => one !== month);
    },
  };
}

describe('keeping partitions', () => {
  it('makes what is missing, drops what is past keeping, and does nothing the second time', async () => {
    const there = { event: [utc('2024-09-01'), utc('2024-10-01')], refusal: [], execution_effect: [] };
    const nowMs = utc('2026-11-20');
    const kept = await keepPartitions(inventory(there), nowMs);
    expect(kept.dropped).toEqual([
      { table: 'event', monthMs: utc('2024-09-01') },
      { table: 'event', monthMs: utc('2024-10-01') },
    ]);
    expect(there.event).toHaveLength(27);
    expect(await keepPartitions(inventory(there), nowMs)).toEqual({ made: [], dropped: [], failed: [] });
  });

  it('goes on past a month that cannot be dropped now', async () => {
    const months = [utc('2024-09-01'), utc('2024-10-01')];
    const there = { event: [...months], refusal: [], execution_effect: [] };
    const kept = await keepPartitions(inventory(there, [months[0]!]), utc('2026-11-20'));
    expect(kept.failed).toMatchObject([{ table: 'event', monthMs: months[0] }]);
    expect(kept.dropped).toEqual([{ table: 'event', monthMs: months[1] }]);
  });
});
