-- The quota's law, as one atomic step on the server's clock. Times are milliseconds.
--
-- All of a group's calls of the last span (window + guard) and all places promised for later lie in one sorted set.
-- The law: any limit+1 neighbours in it are at least a span apart. It is kept by adding only where it still holds.
--
-- Keys, after the prefix KEYS[1]:
--   epoch           hash: id, safe ('1': who spent before this epoch has been waited for)
--   floor           nobody gets a slot before this
--   log:<group>     sorted set: reservation -> slot
--   day:<group>:<t> calls of the day that begins at t
--   state:<group>   hash: cool (until), why, off:<key hash> -> reason
--   id:<id>         hash: group, slot, member, owner, given ('1': a call may have been made)
-- and one index for each configuration <c> (groups, limits, keys), so that a call looks at few groups:
--   c:<c>           hash: group -> 'limit perDay weight keyhash keyhash ...'
--   ready:<c>       groups that may have a slot now, score = calls in the span / weight, then turn of last choice
--   later:<c>       the others, score = lower bound of their next slot
--   off:<c>         groups without an enabled key, score = when to look again
--   old:<c>         when calls leave the span, to keep ready's order true
--   turn:<c>        hash: '#' turns so far, group -> turn of last choice, 'k:'group -> calls, for the turn of its keys
--   configs         sorted set: configuration -> last use
-- Cost of a reservation: O(log n) look-ups in a few groups; every loop below has a bound.

local P = KEYS[1]
local op = ARGV[1]
local now = tonumber(ARGV[2])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end

local DAY = 86400000
local STATE_TTL = 8 * DAY
-- Calls this near to midnight count for both days: the provider's clock is not ours.
local DAY_GUARD = 5000
local TURN = 1e9
local MOVES, LOOKS, STEPS = 64, 1024, 128

local function str(n) return string.format('%.0f', n) end
local function key(name, group) return P .. name .. ':' .. group end
local function num(v) return tonumber(v or '') end

-- Beginnings of days: yesterday, today and those to come up to the horizon; empty without a daily limit.
local config, index, span, days

local function withConfig(c, spanMillis, dayStarts)
  config = c
  span = tonumber(spanMillis)
  index = {
    groups = key('c', c), ready = key('ready', c), later = key('later', c),
    off = key('off', c), old = key('old', c), turn = key('turn', c)
  }
  days = {}
  for d in string.gmatch(dayStarts or '', '%d+') do days[#days + 1] = tonumber(d) end
end

-- A set that ran empty begins again without its time to live.
local function addTo(set, score, member)
  redis.call('ZADD', set, score, member)
  redis.call('PEXPIRE', set, 30 * DAY)
end

local function configs()
  return redis.call('ZREVRANGE', P .. 'configs', 0, 7)
end

-- The days a slot counts for: one, or two around midnight.
local function daysOf(slot)
  local found = {}
  for i = 1, #days - 1 do
    if slot >= days[i] - DAY_GUARD and slot < days[i + 1] + DAY_GUARD then found[#found + 1] = i end
  end
  return found
end

local function countDay(group, slot, by)
  for _, i in ipairs(daysOf(slot)) do
    local k = key('day', group .. ':' .. str(days[i]))
    -- A counter that is gone is not counted below nothing.
    if by > 0 or redis.call('EXISTS', k) == 1 then redis.call('INCRBY', k, by) end
    redis.call('PEXPIRE', k, math.max(1000, days[i + 1] + DAY - now))
  end
end

-- The end of the day that is used up at this slot, or nil.
local function dayFull(group, slot, perDay)
  for _, i in ipairs(daysOf(slot)) do
    if (num(redis.call('GET', key('day', group .. ':' .. str(days[i])))) or 0) >= perDay then
      return days[i + 1] + DAY_GUARD
    end
  end
end

-- The earliest x >= from where one more call keeps the law. Calls p[j] .. p[j+limit-1] less than a span apart forbid
-- all x between p[j+limit-1]-span and p[j]+span; both ends grow with j, so walking over them once finds the first gap.
-- Only calls nearer to x than a span matter, and by the law there are at most 2*limit of them.
local function gap(group, from, limit)
  local log = key('log', group)
  local x = from
  for _ = 1, STEPS do
    local low, high = '(' .. str(x - span), '(' .. str(x + span)
    if redis.call('ZCOUNT', log, low, high) < limit then return x end
    local p = redis.call('ZRANGEBYSCORE', log, low, high, 'WITHSCORES')
    local before = x
    for j = 2, #p - 2 * (limit - 1), 2 do
      local first, last = tonumber(p[j]), tonumber(p[j + 2 * (limit - 1)])
      if last - first < span and first > x - span and last < x + span then x = first + span end
    end
    if x == before then return x end
  end
  -- Too many small gaps: behind the last call there is always one.
  local last = redis.call('ZRANGE', log, -limit, -limit, 'WITHSCORES')
  return math.max(x, tonumber(last[2]) + span)
end

local function keysOf(group)
  local limit, perDay, rest = string.match(redis.call('HGET', index.groups, group) or '', '^(%d+) (%d+) %d+ (.*)$')
  local state = redis.call('HGETALL', key('state', group))
  local off, cool = {}, 0
  for i = 1, #state, 2 do
    if state[i] == 'cool' then cool = tonumber(state[i + 1])
    elseif string.sub(state[i], 1, 4) == 'off:' then off[string.sub(state[i], 5)] = true end
  end
  local usable = {}
  for k in string.gmatch(rest or '', '%S+') do
    if not off[k] then usable[#usable + 1] = k end
  end
  return usable, cool, tonumber(limit), tonumber(perDay)
end

-- The group's earliest slot, or nil when it has no usable key.
local function earliest(group, from)
  local usable, cool, limit, perDay = keysOf(group)
  if #usable == 0 then return nil end
  local x = math.max(from, cool)
  if perDay == 0 then return gap(group, x, limit) end
  for _ = 1, 2 * #days do
    x = gap(group, x, limit)
    local full = dayFull(group, x, perDay)
    if not full then return x end
    x = full
  end
  return x
end

local function trim(group)
  local log = key('log', group)
  redis.call('ZREMRANGEBYSCORE', log, '-inf', str(now - span))
  return redis.call('ZCARD', log)
end

local function rank(group, used)
  local weight = tonumber(string.match(redis.call('HGET', index.groups, group) or '', '^%d+ %d+ (%d+)')) or 1
  return math.min(math.floor(used * 100 / weight), 8000000) * TURN + (num(redis.call('HGET', index.turn, group)) or 0) % TURN
end

-- A fraction of a millisecond makes groups of equal slots take turns.
local function bound(slot)
  return string.format('%.4f', math.floor(slot) + ((num(redis.call('HGET', index.turn, '#')) or 0) % 2048) / 4096)
end

local function toReady(group)
  addTo(index.ready, str(rank(group, trim(group))), group)
end

local function toLater(group, slot)
  redis.call('ZREM', index.ready, group)
  addTo(index.later, bound(slot), group)
end

local function toOff(group)
  redis.call('ZREM', index.ready, group)
  redis.call('ZREM', index.later, group)
  addTo(index.off, str(now + 600000), group)
end

-- A slot has become free: every configuration's index may be too pessimistic.
local function reopen(group)
  for _, c in ipairs(configs()) do
    redis.call('ZADD', key('later', c), 'XX', 'LT', str(now), group)
    if redis.call('ZREM', key('off', c), group) == 1 then addTo(key('later', c), str(now), group) end
  end
end

local function remove(id, group, slot, member)
  if redis.call('ZREM', key('log', group), member) == 1 then
    countDay(group, slot, -1)
    reopen(group)
  end
  redis.call('DEL', key('id', id))
end

local function record(id)
  local r = redis.call('HMGET', key('id', id), 'group', 'slot', 'member', 'owner', 'given')
  if not r[1] then return nil end
  -- A promise that was made void, see outlawed.
  if r[5] ~= '1' and not redis.call('ZSCORE', key('log', r[1]), r[3]) then return nil end
  return { group = r[1], slot = tonumber(r[2]), member = r[3], owner = r[4], given = r[5] == '1' }
end

local function choose(from)
  for _, g in ipairs(redis.call('ZRANGEBYSCORE', index.off, '-inf', str(now), 'LIMIT', 0, 8)) do
    redis.call('ZREM', index.off, g)
    addTo(index.later, str(now), g)
  end
  local old = redis.call('ZRANGEBYSCORE', index.old, '-inf', str(now), 'LIMIT', 0, MOVES)
  for _, m in ipairs(old) do
    redis.call('ZREM', index.old, m)
    local g = string.match(m, '^%S+')
    if redis.call('ZSCORE', index.ready, g) then toReady(g) end
  end
  for _, g in ipairs(redis.call('ZRANGEBYSCORE', index.later, '-inf', '(' .. str(from + 1), 'LIMIT', 0, MOVES)) do
    redis.call('ZREM', index.later, g)
    toReady(g)
  end
  for _ = 1, LOOKS do
    local g = redis.call('ZRANGE', index.ready, 0, 0)[1]
    if not g then break end
    local x = earliest(g, from)
    if x == from then return g, x
    elseif x then toLater(g, x)
    else toOff(g) end
  end
  local best, slot
  for _ = 1, LOOKS do
    local first = redis.call('ZRANGE', index.later, 0, 1, 'WITHSCORES')
    local g = first[1]
    if not g then break end
    local x = earliest(g, math.max(from, math.floor(tonumber(first[2]))))
    if not x then
      toOff(g)
      best = nil
    else
      best, slot = g, x
      if not first[4] or x <= math.floor(tonumber(first[4])) then break end
      toLater(g, x)
    end
  end
  return best, slot
end

-- Whether a place that was promised by other limits breaks the asker's. Then all that is promised in the group is void and
-- asked for again, in the order in which it would have been due: what is promised too densely would leave no gap for
-- long. What is due within a second stays, as calls that a worker has just entered may lie so late; each is looked at here
-- when it is asked for.
local function outlawed(r)
  if string.match(r.member, '[^.]*$') == config then return false end
  local _, _, limit, perDay = keysOf(r.group)
  local log, from = key('log', r.group), now + 1000
  local over = false
  if perDay > 0 then
    for _, i in ipairs(daysOf(r.slot)) do
      over = over or (num(redis.call('GET', key('day', r.group .. ':' .. str(days[i])))) or 0) > perDay
    end
  end
  if not over then
    redis.call('ZREM', log, r.member)
    over = gap(r.group, r.slot, limit) ~= r.slot
    redis.call('ZADD', log, str(r.slot), r.member)
  end
  if over then
    for i = 1, #days - 1 do
      local n = redis.call('ZCOUNT', log, '(' .. str(math.max(from, days[i] - DAY_GUARD - 1)),
        '(' .. str(days[i + 1] + DAY_GUARD))
      local k = key('day', r.group .. ':' .. str(days[i]))
      if n > 0 and redis.call('EXISTS', k) == 1 then redis.call('DECRBY', k, n) end
    end
    redis.call('ZREMRANGEBYSCORE', log, '(' .. str(from), '+inf')
    reopen(r.group)
  end
  return over
end

local function pick(group)
  local usable = keysOf(group)
  if #usable == 1 then return usable[1] end
  local turn = redis.call('HINCRBY', index.turn, 'k:' .. group, 1)
  return usable[turn % #usable + 1]
end

local function seconds(slot) return math.max(1000, slot - now + span + 60000) end

local function give(id, r)
  local k = key('id', id)
  redis.call('HSET', k, 'given', '1', 'owner', r.owner)
  redis.call('PEXPIRE', k, seconds(r.slot))
  return { 'GO', r.group, pick(r.group), str(r.slot), r.member, str(now) }
end

local function promise(r)
  return { 'WAIT', r.group, pick(r.group), str(r.slot), r.member, str(now) }
end

local function known(epoch)
  return redis.call('HGET', P .. 'epoch', 'id') == epoch and redis.call('EXISTS', index.groups) == 1
end

local ops = {}

-- epoch config span days | id owner token fresh dispatch horizon
-- fresh: the owner has seen this id given, so a call may have been made under it
-- token: the asker holds this place and has made no call under it
function ops.reserve(a)
  local epoch, c, spanMillis, dayStarts, id, owner, token, fresh = unpack(a)
  local dispatch, horizon = tonumber(a[9]), tonumber(a[10])
  withConfig(c, spanMillis, dayStarts)
  if not known(epoch) then return { 'JOIN', str(now) } end
  if dayStarts ~= '' and (#days < 3 or now < days[2] or now >= days[3]) then return { 'CALENDAR', str(now) } end

  local r = record(id)
  local missed = '0'
  if r then
    local usable, cool = keysOf(r.group)
    local inTime = now <= r.slot + dispatch and #usable > 0 and cool <= math.max(now, r.slot)
    if inTime and not r.given and outlawed(r) then inTime = false end
    if r.given then
      if token == r.member and fresh == '1' then
        -- The asker was late and says that it made no call.
        remove(id, r.group, r.slot, r.member)
        missed = '1'
      elseif fresh ~= '1' and owner == r.owner and inTime then
        -- Its first answer was lost on the way.
        return give(id, r)
      end
      -- Otherwise a call may have been made: the slot stays spent, and this is another call.
    elseif inTime then
      -- Nobody calls without having it given, so whoever asks now may take the place over.
      r.owner = owner
      if now >= r.slot then return give(id, r) end
      return promise(r)
    else
      remove(id, r.group, r.slot, r.member)
      missed = '1'
    end
  end

  local from = math.max(now, num(redis.call('GET', P .. 'floor')) or 0)
  local group, slot = choose(from)
  if not group then return { 'NONE', 'off', '', str(now) } end
  if slot > now + horizon then return { 'NONE', 'later', str(slot), str(now) } end

  local turn = redis.call('HINCRBY', index.turn, '#', 1)
  redis.call('HSET', index.turn, group, turn)
  local member = id .. '/' .. str(turn) .. '.' .. c
  local log = key('log', group)
  redis.call('ZADD', log, str(slot), member)
  redis.call('PEXPIRE', log, math.max(redis.call('PTTL', log), seconds(slot)))
  addTo(index.old, str(slot + span), group .. ' ' .. member)
  countDay(group, slot, 1)
  if redis.call('ZSCORE', index.ready, group) then toReady(group) else toLater(group, slot) end
  if turn % 16 == 1 then
    for _, k in pairs(index) do redis.call('PEXPIRE', k, 30 * DAY) end
    redis.call('ZADD', P .. 'configs', str(now), c)
    redis.call('PEXPIRE', P .. 'configs', 30 * DAY)
  end

  r = { group = group, slot = slot, member = member, owner = owner }
  local k = key('id', id)
  local due = slot <= now
  redis.call('HSET', k, 'group', group, 'slot', str(slot), 'member', member, 'owner', owner, 'given', due and '1' or '0')
  redis.call('PEXPIRE', k, seconds(slot))
  local answer = promise(r)
  if due then answer[1] = 'GO' end
  answer[7] = missed
  return answer
end

-- days | id token; token empty frees only what was not given
function ops.release(a)
  local dayStarts, id, token = unpack(a)
  withConfig('', '0', dayStarts)
  local r = record(id)
  if r and (token == r.member or (token == '' and not r.given)) then
    remove(id, r.group, r.slot, r.member)
    return { 'OK', str(now) }
  end
  return { 'GONE', str(now) }
end

-- remembered fresh wait config span days | n (group spec)* | m (group member slot)* | (group day calls)*
-- Makes the configuration known and agrees on the epoch; what the asker itself has spent is entered.
-- wait '1': others may have spent without Redis as well.
function ops.join(a)
  local remembered, fresh, wait, c, spanMillis, dayStarts = unpack(a)
  withConfig(c, spanMillis, dayStarts)
  local epoch = P .. 'epoch'
  local id, safe = unpack(redis.call('HMGET', epoch, 'id', 'safe'))
  if not id then
    id = fresh
    safe = '0'
    redis.call('HSET', epoch, 'id', id, 'safe', '0')
  end
  -- The data were lost after this worker last saw them, so what the others have spent is unknown: a full span is taken
  -- to be spent. Once for an epoch is enough, as everybody spends by it from then on.
  local lost = remembered ~= '' and remembered ~= id and safe ~= '1'
  if lost then redis.call('HSET', epoch, 'safe', '1') end
  if lost or wait == '1' then
    local floor = math.max(num(redis.call('GET', P .. 'floor')) or 0, now + span)
    redis.call('SET', P .. 'floor', str(floor), 'PX', str(floor - now + span))
  end
  local n = tonumber(a[7])
  local at = 8
  for _ = 1, n do
    local group, spec = a[at], a[at + 1]
    redis.call('HSET', index.groups, group, spec)
    if not redis.call('ZSCORE', index.ready, group) then
      redis.call('ZADD', index.later, 'LT', str(now), group)
    end
    redis.call('ZREM', index.off, group)
    at = at + 2
  end
  local changed = remembered ~= '' and remembered ~= id
  n = tonumber(a[at])
  at = at + 1
  for _ = 1, n do
    local group, member, slot = a[at], a[at + 1], tonumber(a[at + 2])
    if redis.call('ZADD', key('log', group), 'NX', str(slot), member) == 1 then
      if not changed then countDay(group, slot, 1) end
      redis.call('PEXPIRE', key('log', group), math.max(redis.call('PTTL', key('log', group)), seconds(slot)))
    end
    at = at + 3
  end
  -- Each worker enters its own calls of the day into data that began anew.
  while changed and a[at] do
    local k = key('day', a[at] .. ':' .. a[at + 1])
    redis.call('INCRBY', k, a[at + 2])
    redis.call('PEXPIRE', k, 3 * DAY)
    at = at + 3
  end
  for _, k in pairs(index) do redis.call('PEXPIRE', k, 30 * DAY) end
  redis.call('ZADD', P .. 'configs', str(now), c)
  redis.call('ZREMRANGEBYSCORE', P .. 'configs', '-inf', str(now - 30 * DAY))
  redis.call('PEXPIRE', P .. 'configs', 30 * DAY)
  return { 'OK', id, str(now), lost and '1' or '0' }
end

function ops.time()
  return { str(now) }
end

-- group millis reason: rests for so long from now; never shortens a rest
function ops.cool(a)
  local group, millis, why = unpack(a)
  local state = key('state', group)
  local until_ = now + tonumber(millis)
  local before = num(redis.call('HGET', state, 'cool')) or 0
  if until_ > before then
    redis.call('HSET', state, 'cool', str(until_), 'why', why)
    redis.call('PEXPIRE', state, math.max(STATE_TTL, until_ - now))
  end
  for _, c in ipairs(configs()) do
    if redis.call('ZREM', key('ready', c), group) == 1 then
      addTo(key('later', c), str(math.max(until_, before)), group)
    end
  end
  return { 'OK', str(math.max(until_, before)), str(now) }
end

-- group: a call has succeeded, so the rest is over
function ops.probed(a)
  redis.call('HDEL', key('state', a[1]), 'cool', 'why')
  reopen(a[1])
  return { 'OK', str(now) }
end

-- group keyhash reason
function ops.disable(a)
  local state = key('state', a[1])
  redis.call('HSET', state, 'off:' .. a[2], a[3])
  redis.call('PEXPIRE', state, math.max(STATE_TTL, redis.call('PTTL', state)))
  return { 'OK', str(now) }
end

-- group keyhash
function ops.enable(a)
  redis.call('HDEL', key('state', a[1]), 'off:' .. a[2])
  reopen(a[1])
  return { 'OK', str(now) }
end

-- window days | group*: for each used, used today, cool until, why, n, (keyhash reason)*
function ops.states(a)
  local window = tonumber(a[1])
  withConfig('', '0', a[2])
  local out = { str(now) }
  for i = 3, #a do
    local state = redis.call('HGETALL', key('state', a[i]))
    local cool, why, off = '0', '', {}
    for s = 1, #state, 2 do
      if state[s] == 'cool' then cool = state[s + 1]
      elseif state[s] == 'why' then why = state[s + 1]
      else
        off[#off + 1] = string.sub(state[s], 5)
        off[#off + 1] = state[s + 1]
      end
    end
    local today = days[2] and redis.call('GET', key('day', a[i] .. ':' .. str(days[2]))) or '0'
    out[#out + 1] = str(redis.call('ZCOUNT', key('log', a[i]), '(' .. str(now - window), str(now)))
    out[#out + 1] = today or '0'
    out[#out + 1] = cool
    out[#out + 1] = why
    out[#out + 1] = str(#off / 2)
    for _, v in ipairs(off) do out[#out + 1] = v end
  end
  return out
end

local args = {}
for i = 3, #ARGV do args[i - 2] = ARGV[i] end
return ops[op](args)
