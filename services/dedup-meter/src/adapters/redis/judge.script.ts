/**
 * Judges the events of one organisation in one batch of one source partition. All checks come before the first write, so a call that
 * refuses, or dies in a check, has changed nothing.
 *
 * KEYS 1: the month's hash. 2…n+1: event identities, in order. Then the unique identities of those events that have one, in order.
 * ARGV 1 epoch, 2 source, 3 term, 4 attempt, 5 the source's committed count of the month, 6 hard cap or '', 7 plan version,
 *      8 a character per event: 'u' when it has a unique identity, '-' when not.
 *
 * Month's hash: epoch, replid (under both of which it was seeded), total = sum of the shares, plan (newest version seen);
 * per source `s:` its share: committed + what its newest call admitted; `t:` the token of that call.
 *
 * Returns {'unseeded' | 'behind' | 'lost' | 'fenced' | 'stale_plan'}, or {'judged', total before, a character per event, details…}:
 * A admitted, C over the cap; with a detail each: R event id known (value), D unique id known (value),
 * r and d the same of an event of this call (its index).
 */
export const JUDGE = `
local month, epoch, source = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local term, attempt, committed = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local cap, plan, flags = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local state = redis.call('HMGET', month, 'epoch', 'replid', 'total', 'plan', 's:' .. source, 't:' .. source)

local seededEpoch = tonumber(state[1] or -1)
if seededEpoch < epoch then return {'unseeded'} end
if seededEpoch > epoch then return {'behind'} end
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
if state[2] ~= replid then return {'lost'} end
if state[6] then
  local storedTerm, storedAttempt = string.match(state[6], '(%d+) (%d+)')
  storedTerm, storedAttempt = tonumber(storedTerm), tonumber(storedAttempt)
  if term < storedTerm or (term == storedTerm and attempt <= storedAttempt) then return {'fenced'} end
end
if plan < tonumber(state[4] or 0) then return {'stale_plan'} end

local count = #flags
local known = {}
for from = 2, #KEYS, 1000 do
  local values = redis.call('MGET', unpack(KEYS, from, math.min(from + 999, #KEYS)))
  for i = 1, #values do known[from + i - 1] = values[i] end
end

local total = tonumber(state[3]) - tonumber(state[5] or 0) + committed
local share = committed
local verdicts, details = {}, {'judged', total, ''}
local admittedEvent, admittedUnique = {}, {}
local uniqueAt = count + 1
for i = 1, count do
  local eventAt, unique = i + 1, nil
  if string.byte(flags, i) == 117 then
    uniqueAt = uniqueAt + 1
    unique = KEYS[uniqueAt]
  end
  local verdict, detail
  if known[eventAt] then
    verdict, detail = 'R', known[eventAt]
  elseif admittedEvent[KEYS[eventAt]] then
    verdict, detail = 'r', tostring(admittedEvent[KEYS[eventAt]])
  elseif unique and known[uniqueAt] then
    verdict, detail = 'D', known[uniqueAt]
  elseif unique and admittedUnique[unique] then
    verdict, detail = 'd', tostring(admittedUnique[unique])
  elseif cap and total >= cap then
    verdict = 'C'
  else
    verdict = 'A'
    total = total + 1
    share = share + 1
    admittedEvent[KEYS[eventAt]] = i - 1
    if unique then admittedUnique[unique] = i - 1 end
  end
  verdicts[i] = verdict
  if detail then details[#details + 1] = detail end
end
details[3] = table.concat(verdicts)

redis.call('HSET', month, 'total', total, 'plan', plan, 's:' .. source, share, 't:' .. source, term .. ' ' .. attempt)
return details
`;

/**
 * Gives an organisation's month to Redis, from the ledger. Whatever an older epoch left is replaced; a hash of this epoch or a newer
 * one stays: whoever comes late with it must not undo what was judged since.
 *
 * KEYS 1: the month's hash. ARGV 1 epoch, 2 seconds to keep it, then source and committed count by turns.
 */
export const SEED = `
local seededEpoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or -1)
if seededEpoch >= tonumber(ARGV[1]) then return 0 end
local replid = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
redis.call('DEL', KEYS[1])
local total = 0
for i = 3, #ARGV, 2 do
  total = total + tonumber(ARGV[i + 1])
  redis.call('HSET', KEYS[1], 's:' .. ARGV[i], ARGV[i + 1])
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'replid', replid, 'total', total)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
`;

/** Identities that the ledger has. KEYS: theirs. ARGV: value and seconds to keep it, by turns. */
export const REMEMBER = `
for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[2 * i - 1], 'EX', ARGV[2 * i]) end
return #KEYS
`;
