import type { HeldMonths } from '../../ports.ts';
import { monthKey } from './keys.ts';
import type { RedisClient } from './redis-client.ts';

/** The month's hash of one organisation (its form is said in judge.script.ts): epoch and total, when it is of this server. */
const READ = `
local held = redis.call('HMGET', KEYS[1], 'epoch', 'replid', 'total')
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if held[2] ~= replid then return {} end
return {held[1], held[3]}
`;

export const heldMonths = (client: RedisClient): HeldMonths => ({
  async totals(month, organizationIds, epoch) {
    const replies = await client.sendAll(
      organizationIds.map((id) => ['eval', READ, 1, monthKey(id, month)] as const),
    );
    const totals = new Map<string, number>();
    for (const [at, reply] of replies.entries()) {
      if (reply instanceof Error) throw reply;
      const [heldEpoch, total] = reply as [string?, string?];
      if (Number(heldEpoch) === epoch) totals.set(organizationIds[at]!, Number(total));
    }
    return totals;
  },
});
