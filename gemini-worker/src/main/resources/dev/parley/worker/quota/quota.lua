-- The quota's law and the order of those who wait for it, as one atomic step on the server's clock. Times are
-- milliseconds.
--
-- The provider counts by project and model, so a LANE is a group with a model: <group>/<model>. All of a lane's calls of
-- the last span (window + guard) and all places promised for later lie in one sorted set. The law: any limit+1 neighbours
-- in it are at least a span apart; a day's calls stay within the day's limit; and the tokens of any span within the limit
-- of tokens. It is kept by adding a place only where it still holds. Who uses a place is no matter to the law.
--
-- LATE. Places are promised as densely as the law allows, so a call that is made later than its place's time leaves too
-- little room a span later. The place is not given up for that, as the next free one lies behind all that is promised: it
-- moves to the time of its call, and whoever comes a span later and finds too many calls MADE before him moves on in turn.
-- So what is promised may lie too densely by such moments; what is made never does.
--
-- THE ORDER. Users share a model's places fairly, by start-time fair queueing. Whoever has to wait gets a tag: virtual
-- time V, or one more than his user's last who waits, whichever is larger; V grows with each place that is given to one
-- who waited. A user's waiting ids lie in the order of their tags and the places promised to him in the order of their
-- times, and his i-th id holds his i-th place. A new id brings a new place and may swap it for the earliest place that an
-- id with a larger tag holds. Nobody hears of that while he sleeps, hence the invariant of all that is done here:
--   nobody's place becomes EARLIER than he was told, except the asker's own.
-- Whoever wakes and finds that his place has become later is told so and sleeps again. When to ask again is one thing, what
-- to expect another: that is the promised wait times what such waits have come to lately.
--
-- AHEAD. The places promised to all users lie in one more set, by time, so that whoever waits can be told how many come
-- before him. It holds what the users' sets hold together. A swap changes only who holds a place and leaves it as it is;
-- those who lose by it hear of their new number when they ask next. A place that was missed for good counts no more.
-- Those few with a place of their own are told how many of the order come before them, and are not counted by others.
--
-- Keys, after the prefix KEYS[1]:
--   epoch           hash: id, safe ('1': who spent before this epoch has been waited for)
--   floor           nobody gets a place before this
--   log:<lane>      sorted set: place -> time. A place's name: <id it was made for>/<turn>~<tokens>.<c>
--   made:<lane>     those of its places under which a call may have been made
--   day:<lane>:<t>  calls of the day that begins at t
--   tok:<lane>:<s>  input tokens of the places in second s; only where there is a limit of tokens
--   rest:<lane>     hash: until, why
--   off:<group>     hash: key hash -> reason; disabled for all models
--   id:<id>         hash: index, user, tag, owner, asked, given ('1': a call may have been made); and, when it is given or
--                   has a place of its own that takes no part in the order: group, slot, member, tokens; and of its
--                   first promise: first (when), wait, class
--   groups:<c>      hash of a configuration (groups, limits, keys): group -> 'limit perDay perMinuteTokens weight keyhash keyhash ...'
--   indexes         sorted set: index -> last use, INDEXES at most
-- and one index <i> = <c>/<model> for each configuration and model, so that a call looks at few groups:
--   ready:<i>       groups that may have a place now, score = calls in the span / weight, then turn of last choice
--   later:<i>       the others, score = lower bound of their next place
--   none:<i>        groups without an enabled key, score = when to look again
--   old:<i>         when calls leave the span, to keep ready's order true
--   turn:<i>        hash: '#' turns so far, '#V' virtual time, 'w:'class -> what waits come to, group -> turn of last choice,
--                   'k:'group -> calls, for the turn of its keys
--   users:<i>       users who wait, score = tag of their last
--   ids:<i>:<user>, places:<i>:<user>   his waiting ids by tag, and the places they hold, '<group> <place>', by time
--   queue:<i>       the places of all users, as above, by time. No part of what is made anew with the index: it lives as
--                   long as the users' sets, or it would miss what was promised before
-- Cost of a reservation: O(log n) look-ups in a few groups and users; every loop below has a bound.

local P = KEYS[1]
local op = ARGV[1]
local now = tonumber(ARGV[2])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end

local DAY = 86400000
local KEEP = 30 * DAY
local WAITING_TTL = 2 * DAY
local STATE_TTL = 8 * DAY
-- Calls this near to midnight count for both days: the provider's clock is not ours.
local DAY_GUARD = 5000
local TURN = 1e9
local INDEXES = 64
local MOVES, LOOKS, STEPS = 64, 1024, 128
-- Groups short of tokens that are looked at, and how often each: near now, then behind all that is promised.
local TOKEN_LOOKS, TOKEN_STEPS = 4, 4
-- Of others whose places may be swapped: looked at for one reservation, and moved by it.
local USER_LOOKS, SWAPS = 24, 6
-- Of the asker's places that are due and have to become later.
local LATE_LOOKS = 8

local function str(n) return string.format('%.0f', n) end
local function exact(n) return string.format('%.17g', n) end
local function key(name, rest) return P .. name .. ':' .. rest end
local function num(v) return tonumber(v or '') end
local call = redis.call

-- The asker's configuration and model, span, and beginnings of days: yesterday, today and those to come up to the horizon;
-- empty without a daily limit.
local index, span, days
local dispatch = 0

local function open(name)
  local c, model = string.match(name, '^([^/]*)/(.*)$')
  return {
    name = name, config = c, model = model, groups = key('groups', c),
    ready = key('ready', name), later = key('later', name), none = key('none', name), old = key('old', name),
    turn = key('turn', name), users = key('users', name), queue = key('queue', name)
  }
end

local function with(name, spanMillis, dayStarts)
  index = open(name)
  span = tonumber(spanMillis)
  days = {}
  for d in string.gmatch(dayStarts or '', '%d+') do days[#days + 1] = tonumber(d) end
end

local function laneOf(ix, group) return group .. '/' .. ix.model end

-- A set that ran empty begins again without its time to live; one that had the member already did not.
local kept = {}
local function addTo(set, score, member)
  if call('ZADD', set, score, member) == 1 and not kept[set] then
    call('PEXPIRE', set, KEEP)
    kept[set] = true
  end
end

-- The indexes over a model's lanes, or over all.
local function indexes(model)
  local found = {}
  for _, name in ipairs(call('ZRANGE', P .. 'indexes', 0, -1)) do
    local ix = open(name)
    if not model or ix.model == model then found[#found + 1] = ix end
  end
  return found
end

local function parts(ix) return { ix.ready, ix.later, ix.none, ix.old, ix.turn, ix.users } end

local function used(ix)
  call('ZADD', P .. 'indexes', str(now), ix.name)
  call('PEXPIRE', P .. 'indexes', KEEP)
  call('PEXPIRE', ix.groups, KEEP)
  for _, k in ipairs(parts(ix)) do call('PEXPIRE', k, KEEP) end
end

-- An index is nothing but a short cut and is made when it is missing; what was spent and promised is in the logs.
local function build(ix)
  local groups = call('HKEYS', ix.groups)
  for i = 1, #groups, 500 do
    local entries = {}
    for j = i, math.min(#groups, i + 499) do
      entries[#entries + 1] = str(now)
      entries[#entries + 1] = groups[j]
    end
    call('ZADD', ix.later, 'NX', unpack(entries))
  end
  call('HSETNX', ix.turn, '#', '0')
  used(ix)
  for _, name in ipairs(call('ZRANGE', P .. 'indexes', 0, -INDEXES - 1)) do
    call('ZREM', P .. 'indexes', name)
    call('DEL', unpack(parts(open(name))))
  end
end

-- What a group may and has, read once a call.
local known = {}

local function groupOf(ix, group)
  local found = known[ix.name .. ' ' .. group]
  if found then return found end
  local limit, perDay, tokens, weight, rest =
    string.match(call('HGET', ix.groups, group) or '', '^(%d+) (%d+) (%d+) (%d+) (.*)$')
  local off = {}
  for _, k in ipairs(call('HKEYS', key('off', group))) do off[k] = true end
  local usable = {}
  for k in string.gmatch(rest or '', '%S+') do
    if not off[k] then usable[#usable + 1] = k end
  end
  found = {
    limit = tonumber(limit), perDay = tonumber(perDay), tokens = tonumber(tokens), weight = tonumber(weight) or 1,
    keys = usable, rest = num(call('HGET', key('rest', laneOf(ix, group)), 'until')) or 0
  }
  known[ix.name .. ' ' .. group] = found
  return found
end

-- The days a time counts for: one, or two around midnight.
local function daysOf(slot)
  local found = {}
  for i = 1, #days - 1 do
    if slot >= days[i] - DAY_GUARD and slot < days[i + 1] + DAY_GUARD then found[#found + 1] = i end
  end
  return found
end

local function dayKey(lane, i) return key('day', lane .. ':' .. str(days[i])) end

local function countDay(lane, slot, by)
  for _, i in ipairs(daysOf(slot)) do
    local k = dayKey(lane, i)
    -- A counter that is gone is not counted below nothing.
    if by > 0 or call('EXISTS', k) == 1 then call('INCRBY', k, by) end
    call('PEXPIRE', k, math.max(1000, days[i + 1] + DAY - now))
  end
end

-- The end of the day that is used up at this time, or nil.
local function dayFull(lane, slot, perDay)
  for _, i in ipairs(daysOf(slot)) do
    if (num(call('GET', dayKey(lane, i))) or 0) >= perDay then return days[i + 1] + DAY_GUARD end
  end
end

-- The earliest x >= from where one more call keeps the law among those of a set. Calls p[j] .. p[j+limit-1] less than a span apart forbid
-- all x between p[j+limit-1]-span and p[j]+span; both ends grow with j, so walking over them once finds the first gap.
-- Only calls nearer to x than a span matter, and by the law there are at most 2*limit of them.
local function gap(set, from, limit)
  local x = from
  for _ = 1, STEPS do
    local low, high = '(' .. str(x - span), '(' .. str(x + span)
    if call('ZCOUNT', set, low, high) < limit then return x end
    local p = call('ZRANGEBYSCORE', set, low, high, 'WITHSCORES')
    local before = x
    for j = 2, #p - 2 * (limit - 1), 2 do
      local first, last = tonumber(p[j]), tonumber(p[j + 2 * (limit - 1)])
      if last - first < span and first > x - span and last < x + span then x = first + span end
    end
    if x == before then return x end
  end
  -- Too many small gaps: behind the last call there is always one.
  local last = call('ZRANGE', set, -limit, -limit, 'WITHSCORES')
  return math.max(x, tonumber(last[2]) + span)
end

-- Tokens are summed by seconds, and a span taken for the whole seconds that it touches: a little stricter than the law.
local function second(slot) return math.floor(slot / 1000) end

local function countTokens(lane, slot, by)
  if by == 0 then return end
  local k = key('tok', lane .. ':' .. str(second(slot)))
  call('INCRBY', k, str(by))
  if by > 0 then call('PEXPIRE', k, math.max(1000, slot - now + 2 * span + 60000)) end
end

-- Whether so many more tokens at this time keep every span around it within the limit; if not, when to try next.
local function tokensFit(lane, slot, more, limit)
  local n, b = math.ceil(span / 1000), second(slot)
  local names = {}
  for s = b - n, b + n do names[#names + 1] = key('tok', lane .. ':' .. str(s)) end
  local values = call('MGET', unpack(names))
  local sum, over = 0, nil
  for i = 1, #values do
    sum = sum + (num(values[i]) or 0)
    if i > n + 1 then sum = sum - (num(values[i - n - 1]) or 0) end
    if i > n and sum + more > limit then over = i - n end
  end
  if not over then return true end
  -- The last of the spans that are too full is over when its first tokens are.
  while not num(values[over]) and over <= n do over = over + 1 end
  return false, (b - n + over - 1 + n + 1) * 1000
end

-- The group's earliest time for one more call whatever its size, or nil when it has no usable key.
local function earliest(group, from)
  local g = groupOf(index, group)
  if #g.keys == 0 then return nil end
  local lane = laneOf(index, group)
  local x = math.max(from, g.rest)
  if g.perDay == 0 then return gap(key('log', lane), x, g.limit) end
  for _ = 1, 2 * #days do
    x = gap(key('log', lane), x, g.limit)
    local full = dayFull(lane, x, g.perDay)
    if not full then return x end
    x = full
  end
  return x
end

-- What a request counts for; one that is larger than the limit takes a whole span for itself.
local function sizeIn(g, tokens) return g.tokens > 0 and math.min(tokens, g.tokens) or 0 end

-- As earliest, from there on, for one of this size. A small hole far from now may be overlooked.
local function earliestOf(group, x, tokens)
  local g = groupOf(index, group)
  local size = sizeIn(g, tokens)
  if size == 0 then return x end
  local lane = laneOf(index, group)
  local last = 0
  for step = 1, 2 * TOKEN_STEPS do
    local fit, try = tokensFit(lane, x, size, g.tokens)
    if fit then return x end
    if step == TOKEN_STEPS then last = num(call('ZRANGE', key('log', lane), -1, -1, 'WITHSCORES')[2]) or 0 end
    x = earliest(group, math.max(x + 1, try, last))
  end
  return earliest(group, math.max(x, last + span + 2000))
end

local function rank(ix, group, turn)
  local log = key('log', laneOf(ix, group))
  call('ZREMRANGEBYSCORE', log, '-inf', str(now - span))
  local calls = call('ZCARD', log)
  return math.min(math.floor(calls * 100 / groupOf(ix, group).weight), 8000000) * TURN
    + (turn or num(call('HGET', ix.turn, group)) or 0) % TURN
end

-- A fraction of a millisecond makes groups of equal times take turns.
local turns
local function bound(slot)
  turns = turns or num(call('HGET', index.turn, '#')) or 0
  return string.format('%.4f', math.floor(slot) + (turns % 2048) / 4096)
end

-- The turn of its last choice, where it is known.
local function toReady(group, turn) addTo(index.ready, str(rank(index, group, turn)), group) end

local function toLater(group, slot)
  call('ZREM', index.ready, group)
  addTo(index.later, bound(slot), group)
end

local function toNone(group)
  call('ZREM', index.ready, group)
  call('ZREM', index.later, group)
  addTo(index.none, str(now + 600000), group)
end

-- A place has become free: every index over it may be too pessimistic.
local function reopen(group, model)
  for _, ix in ipairs(indexes(model)) do
    call('ZADD', ix.later, 'XX', 'LT', str(now), group)
    if call('ZREM', ix.none, group) == 1 then addTo(ix.later, str(now), group) end
  end
end

local function sizeOf(member) return num(string.match(member, '~(%d+)%.')) or 0 end

-- Takes a place out of the law's sight: nobody has called under it, and nobody will.
local function vacate(ix, place, size)
  local lane = laneOf(ix, place.group)
  call('ZREM', key('made', lane), place.member)
  if call('ZREM', key('log', lane), place.member) == 1 then
    countDay(lane, place.slot, -1)
    countTokens(lane, place.slot, -(size or sizeOf(place.member)))
    reopen(place.group, ix.model)
  end
end

local function choose(from, tokens)
  for _, g in ipairs(call('ZRANGEBYSCORE', index.none, '-inf', str(now), 'LIMIT', 0, 8)) do
    call('ZREM', index.none, g)
    addTo(index.later, str(now), g)
  end
  for _, m in ipairs(call('ZRANGEBYSCORE', index.old, '-inf', str(now), 'LIMIT', 0, MOVES)) do
    call('ZREM', index.old, m)
    local g = string.match(m, '^%S+')
    if call('ZSCORE', index.ready, g) then toReady(g) end
  end
  for _, g in ipairs(call('ZRANGEBYSCORE', index.later, '-inf', '(' .. str(from + 1), 'LIMIT', 0, MOVES)) do
    call('ZREM', index.later, g)
    toReady(g)
  end
  local best, slot
  local at = 0
  local looked = {}
  for _ = 1, LOOKS do
    local g = call('ZRANGE', index.ready, at, at)[1]
    if not g or at == TOKEN_LOOKS then break end
    local x = earliest(g, from)
    if not x then
      toNone(g)
    elseif x > from then
      looked[g] = x
      toLater(g, x)
    else
      local mine = earliestOf(g, x, tokens)
      if mine == from then return g, from end
      if not slot or mine < slot then best, slot = g, mine end
      at = at + 1
    end
  end
  at = 0
  for _ = 1, LOOKS do
    local e = call('ZRANGE', index.later, at, at, 'WITHSCORES')
    local g = e[1]
    local least = g and math.max(from, math.floor(tonumber(e[2])))
    if not g or at == TOKEN_LOOKS or (slot and least >= slot) then break end
    local x = looked[g] or earliest(g, least)
    if not x then
      toNone(g)
    elseif x > least then
      looked[g] = x
      toLater(g, x)
    else
      local mine = earliestOf(g, x, tokens)
      if not slot or mine < slot then best, slot = g, mine end
      if mine == x then break end
      at = at + 1
    end
  end
  return best, slot
end

local function nextName(id, size)
  turns = call('HINCRBY', index.turn, '#', 1)
  return id .. '/' .. str(turns) .. '~' .. str(size) .. '.' .. index.config, turns
end

-- A call may be made under the place from now on.
local function make(lane, place)
  local made = key('made', lane)
  call('ZREMRANGEBYSCORE', made, '-inf', str(now - span))
  call('ZADD', made, str(place.slot), place.member)
  call('PEXPIRE', made, math.max(0, place.slot - now) + span + 60000)
end

-- Adds a place to the law's sight.
local function take(id, group, slot, tokens)
  local lane = laneOf(index, group)
  local size = sizeIn(groupOf(index, group), tokens)
  local member, turn = nextName(id, size)
  call('HSET', index.turn, group, turn)
  local log = key('log', lane)
  call('ZADD', log, str(slot), member)
  call('PEXPIRE', log, math.max(call('PTTL', log), slot - now + span + 60000))
  addTo(index.old, str(slot + span), group .. ' ' .. member)
  countDay(lane, slot, 1)
  countTokens(lane, slot, size)
  if call('ZSCORE', index.ready, group) then toReady(group, turn) else toLater(group, slot) end
  if turn % 16 == 1 then used(index) end
  return { group = group, slot = slot, member = member }
end

-- The waiting ids of a user and the places they hold --------------------------------------------------------------------

local function idsOf(ix, user) return key('ids', ix.name .. ':' .. user) end
local function placesOf(ix, user) return key('places', ix.name .. ':' .. user) end
local function nameOf(place) return place.group .. ' ' .. place.member end

-- The only ways for places into the users' sets and out of them, so that the queue holds what those hold. A swap between
-- two users is neither.
local function hold(ix, user, held)
  call('ZADD', placesOf(ix, user), str(held.slot), nameOf(held))
  call('ZADD', ix.queue, str(held.slot), nameOf(held))
end

local function letGo(ix, user, names)
  call('ZREM', placesOf(ix, user), unpack(names))
  call('ZREM', ix.queue, unpack(names))
end

local function place(reply)
  local group, member = string.match(reply[1] or '', '^(%S+) (.*)$')
  if group then return { group = group, member = member, slot = tonumber(reply[2]) } end
end

local function placeAt(ix, user, i) return place(call('ZRANGE', placesOf(ix, user), i, i, 'WITHSCORES')) end

local function touch(ix, user)
  local last = call('ZRANGE', idsOf(ix, user), -1, -1, 'WITHSCORES')[2]
  if last then addTo(ix.users, last, user) else call('ZREM', ix.users, user) end
  return num(last)
end

-- Whoever has missed his place by so much has lost it; his tag is kept with the id.
local function patience() return dispatch + math.floor(span / 12) end

local function sweep(ix, user)
  local missed = call('ZRANGEBYSCORE', placesOf(ix, user), '-inf', '(' .. str(now - patience()), 'WITHSCORES', 'LIMIT', 0, MOVES)
  if #missed == 0 then return end
  local names = {}
  for i = 1, #missed, 2 do
    names[#names + 1] = missed[i]
    vacate(ix, place({ missed[i], missed[i + 1] }))
  end
  letGo(ix, user, names)
  call('ZREMRANGEBYRANK', idsOf(ix, user), 0, #names - 1)
  touch(ix, user)
end

local function placeOf(ix, user, id)
  local i = call('ZRANK', idsOf(ix, user), id)
  if i then return placeAt(ix, user, i), i end
end

-- Id and place go together, so that all others hold what they held.
local function unpair(ix, user, id, held)
  call('ZREM', idsOf(ix, user), id)
  if held then letGo(ix, user, { nameOf(held) }) end
  touch(ix, user)
end

-- A user's places may only become later: a place that comes before others of his goes to the new id, whatever its tag.
local function pair(ix, user, id, tag, new)
  local ids, places = idsOf(ix, user), placesOf(ix, user)
  for _ = 1, 8 do
    if call('ZCOUNT', ids, exact(tag), exact(tag)) == 0 then break end
    tag = tag - 0.001
  end
  local before = call('ZCOUNT', places, '-inf', str(new.slot))
  if call('ZCOUNT', ids, '-inf', exact(tag)) > before then
    local beside = call('ZRANGE', ids, math.max(0, before - 1), before, 'WITHSCORES')
    local high = tonumber(beside[#beside])
    local low = before == 0 and high - 1 or tonumber(beside[2])
    tag = low + (high - low) / 2
  end
  call('ZADD', ids, exact(tag), id)
  hold(ix, user, new)
  call('PEXPIRE', ids, WAITING_TTL)
  call('PEXPIRE', places, WAITING_TTL)
  call('PEXPIRE', ix.queue, WAITING_TTL)
  touch(ix, user)
  return tag
end

local function good(ix, held)
  local g = groupOf(ix, held.group)
  return #g.keys > 0 and g.rest <= math.max(now, held.slot) and call('ZSCORE', key('log', laneOf(ix, held.group)), held.member)
end

-- Swaps the place of the asker, who has just been told nothing yet, for the earliest that a larger tag holds; then the
-- loser's last place in the same way. Each gets a place later than the one before it in his own order, and a loser none
-- before the one that he has lost, so that nobody's becomes earlier than he was told.
local function improve(ix, user, i, tokens)
  local looks, floor = USER_LOOKS, now
  for _ = 1, SWAPS do
    local tag = call('ZRANGE', idsOf(ix, user), i, i, 'WITHSCORES')[2]
    local held = placeAt(ix, user, i)
    if not tag or not held then return end
    local others = call('ZRANGE', ix.users, '+inf', '(' .. tag, 'BYSCORE', 'REV', 'LIMIT', 0, 17)
    if #others == 0 or (#others == 1 and others[1] == user) then return end
    local before = i > 0 and placeAt(ix, user, i - 1)
    local low = math.max(floor, before and before.slot or 0)
    local best, loser
    for _, v in ipairs(others) do
      if v ~= user and looks > 0 then
        looks = looks - 1
        local first = math.max(
          call('ZCOUNT', idsOf(ix, v), '-inf', tag), call('ZCOUNT', placesOf(ix, v), '-inf', str(low)))
        local his = placeAt(ix, v, first)
        if his and his.slot < held.slot and (not best or his.slot < best.slot) then best, loser = his, v end
      end
    end
    -- A place made for less than this request stays with those whom it fits.
    if not best or not good(ix, best) or sizeOf(best.member) < math.min(tokens, sizeOf(held.member)) then return end
    call('ZREM', placesOf(ix, loser), nameOf(best))
    call('ZREM', placesOf(ix, user), nameOf(held))
    call('ZADD', placesOf(ix, loser), str(held.slot), nameOf(held))
    call('ZADD', placesOf(ix, user), str(best.slot), nameOf(best))
    user, i, floor = loser, call('ZRANK', placesOf(ix, loser), nameOf(held)), best.slot
    tokens = sizeOf(held.member)
  end
end

-- Reservations ----------------------------------------------------------------------------------------------------------

local function record(id)
  local r = call('HMGET', key('id', id), 'index', 'user', 'tag', 'owner', 'asked', 'given', 'group', 'slot', 'member', 'tokens')
  if not r[1] then return nil end
  return {
    index = open(r[1]), user = r[2], tag = tonumber(r[3]), owner = r[4], asked = tonumber(r[5]), given = r[6] == '1',
    own = r[7] and { group = r[7], slot = tonumber(r[8]), member = r[9] }, tokens = num(r[10]) or 0
  }
end

local function write(id, r, held, given, own)
  local k = key('id', id)
  local fields = {
    'index', r.index.name, 'user', r.user, 'tag', exact(r.tag), 'owner', r.owner, 'asked', str(r.asked),
    'given', given and '1' or '0'
  }
  if given or own then
    call('HSET', k, 'group', held.group, 'slot', str(held.slot), 'member', held.member, 'tokens', str(r.tokens),
      unpack(fields))
  else
    call('HSET', k, unpack(fields))
    call('HDEL', k, 'group', 'slot', 'member', 'tokens')
  end
  call('PEXPIRE', k, math.max(0, held.slot - now) + span + (given and 60000 or 3600000))
end

local function pick(group)
  local usable = groupOf(index, group).keys
  if #usable == 1 then return usable[1] end
  local turn = call('HINCRBY', index.turn, 'k:' .. group, 1)
  return usable[turn % #usable + 1]
end

local function answer(what, held, missed, expected, ahead)
  return {
    what, held.group, pick(held.group), str(held.slot), held.member, str(now), missed and '1' or '0',
    str(expected or held.slot), str(ahead or 0)
  }
end

-- Who has many of his own before him is overtaken by more of the others, so waits are told apart by their number, roughly.
local function class(before) return math.min(6, math.ceil(math.log(before + 1) / math.log(2))) end

local function expect(held, before)
  return now + (held.slot - now) * (num(call('HGET', index.turn, 'w:' .. class(before))) or 1)
end

-- How many places come before one; of those in one moment each has its own number. What was missed for good is cut, and
-- what is too much to be cut at once is not counted.
local function placesBefore(ix, held)
  local missed = call('ZCOUNT', ix.queue, '-inf', '(' .. str(now - patience()))
  if missed > 0 then missed = missed - call('ZREMRANGEBYRANK', ix.queue, 0, math.min(missed, MOVES) - 1) end
  local before = call('ZRANK', ix.queue, nameOf(held)) or call('ZCOUNT', ix.queue, '-inf', '(' .. str(held.slot))
  return math.max(0, before - missed)
end

-- Whoever waits asks again a moment later at the earliest; his number is that of his place all the same.
local function wait(ix, held, missed, before)
  local ahead = placesBefore(ix, held)
  held.slot = math.max(held.slot, now + 5)
  return answer('WAIT', held, missed, before and expect(held, before), ahead)
end

local function learn(ix, id)
  local first, wait, of = unpack(call('HMGET', key('id', id), 'first', 'wait', 'class'))
  if not first or tonumber(wait) < 1000 then return end
  local came = math.max(1, math.min(16, (now - tonumber(first)) / tonumber(wait)))
  local usual = num(call('HGET', ix.turn, 'w:' .. of)) or 1
  call('HSET', ix.turn, 'w:' .. of, exact(usual + (came - usual) / 32))
end

-- Gives a place that was waited for. Time goes on by the tag, or by one for each round of all who wait, so that it does
-- also where users come and go.
local function give(id, r, held, missed)
  local ix = r.index
  if not r.own then
    local tag = num(call('ZSCORE', idsOf(ix, r.user), id)) or r.tag
    local v = num(call('HGET', ix.turn, '#V')) or 0
    v = math.max(v + 1 / math.max(1, call('ZCARD', ix.users)), tag)
    call('HSET', ix.turn, '#V', exact(v))
    -- Those whose ids were never asked for again.
    call('ZREMRANGEBYSCORE', ix.users, '-inf', exact(v - 1000))
    unpair(ix, r.user, id, held)
    learn(ix, id)
  end
  make(laneOf(ix, held.group), held)
  write(id, r, held, true)
  return answer('GO', held, missed)
end

-- Makes room for what the request is larger than its place was made for; the law of tokens is kept here.
local function resize(ix, held, tokens)
  local g = groupOf(ix, held.group)
  local planned, size = sizeOf(held.member), sizeIn(g, tokens)
  local lane = laneOf(ix, held.group)
  if size > planned and not tokensFit(lane, held.slot, size - planned, g.tokens) then return false end
  countTokens(lane, held.slot, size - planned)
  return true, size
end

-- Whether a place that was promised by other limits breaks the asker's. Then all that is promised in the lane is void and
-- asked for again, in the order in which it would have been due: what is promised too densely would leave no gap for
-- long. What is due within a second stays, as calls that a worker has just entered may lie so late; each is looked at here
-- when it is asked for.
local function outlawed(held)
  if string.match(held.member, '[^.]*$') == index.config then return false end
  local g, lane = groupOf(index, held.group), laneOf(index, held.group)
  local log, from = key('log', lane), now + 1000
  local over = false
  if g.perDay > 0 then
    for _, i in ipairs(daysOf(held.slot)) do
      over = over or (num(call('GET', dayKey(lane, i))) or 0) > g.perDay
    end
  end
  if not over then
    call('ZREM', log, held.member)
    over = gap(log, held.slot, g.limit) ~= held.slot
    call('ZADD', log, str(held.slot), held.member)
  end
  if over then
    for i = 1, #days - 1 do
      local n = call('ZCOUNT', log, '(' .. str(math.max(from, days[i] - DAY_GUARD - 1)), '(' .. str(days[i + 1] + DAY_GUARD))
      local k = dayKey(lane, i)
      if n > 0 and call('EXISTS', k) == 1 then call('DECRBY', k, n) end
    end
    local void = call('ZRANGEBYSCORE', log, '(' .. str(from), '+inf', 'WITHSCORES')
    for i = 1, #void, 2 do countTokens(lane, tonumber(void[i + 1]), -sizeOf(void[i])) end
    call('ZREMRANGEBYSCORE', log, '(' .. str(from), '+inf')
    reopen(held.group, index.model)
  end
  return over
end

-- When the holder of a place may call, from there on, by the calls that were made and the places of others that come first.
local function callable(held, from)
  local lane, limit = laneOf(index, held.group), groupOf(index, held.group).limit
  local log, made = key('log', lane), key('made', lane)
  local low, x = '(' .. str(now - span), from
  for _ = 1, 4 do
    local high = '(' .. str(x)
    local ahead = call('ZCOUNT', log, low, high) - call('ZCOUNT', made, low, high) - (held.slot < x and 1 or 0)
    local y = gap(made, from, math.max(1, limit - math.max(0, ahead)))
    if y <= x then return x end
    x = y
  end
  return x
end

-- Moves a place under which no call was made to a later time. What counts for other days, or tokens that do not fit there,
-- keeps it where it is.
local function move(ix, user, held, slot, size)
  local g, lane = groupOf(ix, held.group), laneOf(ix, held.group)
  local from, to = daysOf(held.slot), daysOf(slot)
  if from[1] ~= to[1] or from[2] ~= to[2] then return false end
  if size > 0 then
    countTokens(lane, held.slot, -size)
    if not tokensFit(lane, slot, size, g.tokens) then
      countTokens(lane, held.slot, size)
      return false
    end
    countTokens(lane, slot, size)
  end
  held.slot = slot
  local log = key('log', lane)
  call('ZADD', log, 'XX', str(slot), held.member)
  call('PEXPIRE', log, math.max(call('PTTL', log), slot - now + span + 60000))
  call('ZADD', key('made', lane), 'XX', str(slot), held.member)
  addTo(ix.old, str(slot + span), held.group .. ' ' .. held.member)
  if user then hold(ix, user, held) end
  return true
end

-- Another time for a call that was permitted and not made. The place gets another name, so that whoever still speaks of the
-- old one is not heard.
local function retry(id, r, held)
  if not good(index, held) then return false end
  local lane, log = laneOf(index, held.group), key('log', laneOf(index, held.group))
  call('ZREM', key('made', lane), held.member)
  local slot = callable(held, now)
  if not move(r.index, nil, held, slot, r.tokens) then return false end
  call('ZREM', log, held.member)
  held.member = nextName(id, sizeOf(held.member))
  call('ZADD', log, str(slot), held.member)
  if slot <= now then
    make(lane, held)
  else
    countTokens(lane, slot, sizeOf(held.member) - r.tokens)
    r.tokens = sizeOf(held.member)
  end
  return true
end

local ops = {}

-- epoch index span days | id owner asked token fresh dispatch horizon user tokens
-- asked: number of the question, growing for an owner
-- token: the asker holds this place and has made no call under it
-- fresh: the owner has seen this id given, so a call may have been made under it
function ops.reserve(a)
  local epoch, name, spanMillis, dayStarts, id, owner, asked, token, fresh = unpack(a)
  local horizon, user, tokens = tonumber(a[11]), a[12], tonumber(a[13])
  asked = tonumber(asked)
  dispatch = tonumber(a[10])
  with(name, spanMillis, dayStarts)
  local there = call('EXISTS', index.groups, index.turn)
  if call('HGET', P .. 'epoch', 'id') ~= epoch or (there < 2 and call('EXISTS', index.groups) == 0) then
    return { 'JOIN', str(now) }
  end
  if dayStarts ~= '' and (#days < 3 or now < days[2] or now >= days[3]) then return { 'CALENDAR', str(now) } end
  if there < 2 then build(index) end

  local r = record(id)
  local missed, alone = false, false
  if r and r.owner == owner and asked <= r.asked then return { 'STALE', str(now) } end
  if r then
    local here = r.index.model == index.model
    if not r.given and not r.own then sweep(r.index, r.user) end
    local held = r.own
    if not held then held = placeOf(r.index, r.user, id) end
    if r.given then
      local inTime = here and held and good(index, held) and now <= held.slot + dispatch
      if (token == held.member and fresh == '1') or (fresh ~= '1' and owner == r.owner and not inTime) then
        -- The asker was late, or its first answer was lost on the way: it says that it made no call.
        missed = true
        r.owner, r.asked = owner, asked
        local moved = here and retry(id, r, held)
        if moved then
          write(id, r, held, held.slot <= now, true)
          return held.slot <= now and answer('GO', held, true) or wait(index, held, true)
        end
        vacate(r.index, held, r.tokens)
      elseif fresh ~= '1' and owner == r.owner then
        -- As above, and there is still time.
        r.asked = asked
        write(id, r, held, true)
        return answer('GO', held)
      end
      -- Otherwise a call may have been made: the place stays spent, and this is another call.
    else
      -- Nobody calls without having it given, so whoever asks now may take the place over.
      r.owner, r.asked = owner, asked
      local looks = 0
      while held and here and good(index, held) and not outlawed(held) do
        if now < held.slot or looks == LATE_LOOKS then
          local before
          if not r.own and r.index.name == index.name then
            local _, i = placeOf(index, r.user, id)
            improve(index, r.user, i, tokens)
            held, before = placeOf(index, r.user, id)
          end
          write(id, r, held, false, r.own)
          -- The rest of those that have become later is looked at in a moment.
          return wait(r.index, held, missed, before)
        end
        looks = looks + 1
        local late = now > held.slot + dispatch
        missed = missed or late
        local slot = callable(held, late and now or held.slot)
        if slot > held.slot and not move(r.index, not r.own and r.user, held, slot, sizeOf(held.member)) then break end
        if slot <= now then
          local fits, size = resize(index, held, tokens)
          if fits then
            r.tokens = size
            return give(id, r, held, missed)
          end
          -- It is larger than the place, and gets one of its own that nobody can swap.
          alone = true
          break
        end
        -- Among the user's places it may lie behind others now, and then the asker has the next of those.
        if not r.own then held = placeOf(r.index, r.user, id) end
      end
      missed = missed or not held or now > held.slot + dispatch
      if not r.own then unpair(r.index, r.user, id, held) end
      if held then vacate(r.index, held) end
    end
  end

  local from = math.max(now, num(call('GET', P .. 'floor')) or 0)
  local group, slot = choose(from, tokens)
  if not group then
    local soon = call('ZRANGE', index.later, 0, 0, 'WITHSCORES')[2] or call('ZRANGE', index.ready, 0, 0)[1] and now + 5000
    if soon then return { 'NONE', 'later', str(math.max(now + 5000, tonumber(soon))), str(now) } end
    return { 'NONE', 'off', '', str(now) }
  end
  if slot > now + horizon then return { 'NONE', 'later', str(slot), str(now) } end

  local held = take(id, group, slot, tokens)
  local kept = r and r.index.name == index.name and r.tag
  r = { index = index, user = user, owner = owner, asked = asked, tokens = sizeOf(held.member) }
  if slot <= now then
    make(laneOf(index, group), held)
    r.tag = kept or num(call('HGET', index.turn, '#V')) or 0
    write(id, r, held, true)
    return answer('GO', held, missed)
  end
  sweep(index, user)
  local last = num(call('ZSCORE', index.users, user))
  local v = num(call('HGET', index.turn, '#V')) or 0
  r.tag = kept or (last and math.max(v, last + 1) or v)
  if alone then
    write(id, r, held, false, true)
    return wait(index, held, missed)
  end
  r.tag = pair(index, user, id, r.tag, held)
  local _, i = placeOf(index, user, id)
  improve(index, user, i, tokens)
  local before
  held, before = placeOf(index, user, id)
  if held.slot <= now and now <= held.slot + dispatch and good(index, held) and callable(held, held.slot) == held.slot then
    local fits, size = resize(index, held, tokens)
    if fits then
      r.tokens = size
      return give(id, r, held, missed)
    end
  end
  write(id, r, held, false)
  if not kept then
    call('HSET', key('id', id), 'first', str(now), 'wait', str(held.slot - now), 'class', class(before))
  end
  return wait(index, held, missed, before)
end

-- Frees what is promised to an id, or, where its token says so, what was given to it.
local function release(id, token)
  local r = record(id)
  if not r then return false end
  if r.given then
    if token ~= r.own.member then return false end
    vacate(r.index, r.own, r.tokens)
  elseif token == '' then
    local held = r.own or placeOf(r.index, r.user, id)
    if not r.own then unpair(r.index, r.user, id, held) end
    if held then vacate(r.index, held) end
  else
    return false
  end
  call('DEL', key('id', id))
  return true
end

-- days | id token: the asker was permitted to call at the place of this name, and made no call and will make none
function ops.release(a)
  with('/', '0', a[1])
  return { release(a[2], a[3]) and 'OK' or 'GONE', str(now) }
end

-- days | id*: nobody waits for these calls any more; what was given stays spent
function ops.revoke(a)
  with('/', '0', a[1])
  local freed = 0
  for i = 2, #a do
    if release(a[i], '') then freed = freed + 1 end
  end
  return { 'OK', str(freed) }
end

-- span lane id member tokens: what a call has really taken
function ops.used(a)
  local spanMillis, lane, id, member, tokens = unpack(a)
  with('/', spanMillis, '')
  local before, held = unpack(call('HMGET', key('id', id), 'tokens', 'member'))
  local slot = call('ZSCORE', key('log', lane), member)
  if held ~= member or not slot or before == '0' then return { 'GONE', str(now) } end
  countTokens(lane, tonumber(slot), tonumber(tokens) - tonumber(before))
  call('HSET', key('id', id), 'tokens', tokens)
  return { 'OK', str(now) }
end

-- remembered fresh wait config span days | n (group spec)* | m (lane member slot tokens)* | (lane day calls)*
-- Makes the configuration known and agrees on the epoch; what the asker itself has spent is entered.
-- wait '1': others may have spent without Redis as well.
function ops.join(a)
  local remembered, fresh, wait, c, spanMillis, dayStarts = unpack(a)
  with(c .. '/', spanMillis, dayStarts)
  local epoch = P .. 'epoch'
  local id, safe = unpack(call('HMGET', epoch, 'id', 'safe'))
  if not id then
    id = fresh
    safe = '0'
    call('HSET', epoch, 'id', id, 'safe', '0')
  end
  -- The data were lost after this worker last saw them, so what the others have spent is unknown: a full span is taken
  -- to be spent. Once for an epoch is enough, as everybody spends by it from then on.
  local lost = remembered ~= '' and remembered ~= id and safe ~= '1'
  if lost then call('HSET', epoch, 'safe', '1') end
  if lost or wait == '1' then
    local floor = math.max(num(call('GET', P .. 'floor')) or 0, now + span)
    call('SET', P .. 'floor', str(floor), 'PX', str(floor - now + span))
  end
  local n = tonumber(a[7])
  local at = 8
  for _ = 1, n do
    call('HSET', index.groups, a[at], a[at + 1])
    at = at + 2
  end
  call('PEXPIRE', index.groups, KEEP)
  local changed = remembered ~= '' and remembered ~= id
  n = tonumber(a[at])
  at = at + 1
  for _ = 1, n do
    local lane, member, slot, tokens = a[at], a[at + 1], tonumber(a[at + 2]), tonumber(a[at + 3])
    local log = key('log', lane)
    if call('ZADD', log, 'NX', str(slot), member) == 1 then
      make(lane, { slot = slot, member = member })
      if not changed then countDay(lane, slot, 1) end
      countTokens(lane, slot, tokens)
      call('PEXPIRE', log, math.max(call('PTTL', log), slot - now + span + 60000))
    end
    at = at + 4
  end
  -- Each worker enters its own calls of the day into data that began anew.
  while changed and a[at] do
    local k = key('day', a[at] .. ':' .. a[at + 1])
    call('INCRBY', k, a[at + 2])
    call('PEXPIRE', k, 3 * DAY)
    at = at + 3
  end
  return { 'OK', id, str(now) }
end

function ops.time()
  return { str(now) }
end

-- group model millis reason: rests for so long from now; never shortens a rest
function ops.cool(a)
  local group, model, millis, why = unpack(a)
  local rest = key('rest', group .. '/' .. model)
  local till = now + tonumber(millis)
  local before = num(call('HGET', rest, 'until')) or 0
  if till > before then
    call('HSET', rest, 'until', str(till), 'why', why)
    call('PEXPIRE', rest, till - now)
  end
  till = math.max(till, before)
  for _, ix in ipairs(indexes(model)) do
    if call('ZREM', ix.ready, group) == 1 then addTo(ix.later, str(till), group) end
  end
  return { 'OK', str(till), str(now) }
end

-- group model: a call has succeeded, so the rest is over
function ops.probed(a)
  if call('DEL', key('rest', a[1] .. '/' .. a[2])) == 1 then reopen(a[1], a[2]) end
  return { 'OK', str(now) }
end

-- group keyhash reason
function ops.disable(a)
  local off = key('off', a[1])
  call('HSET', off, a[2], a[3])
  call('PEXPIRE', off, STATE_TTL)
  return { 'OK', str(now) }
end

-- group keyhash
function ops.enable(a)
  call('HDEL', key('off', a[1]), a[2])
  reopen(a[1])
  return { 'OK', str(now) }
end

-- The models that are in use, for states.
function ops.models()
  local models, seen = {}, {}
  for _, ix in ipairs(indexes()) do
    if not seen[ix.model] then
      seen[ix.model] = true
      models[#models + 1] = ix.model
    end
  end
  return models
end

-- window days | n model* | group*: for each group m (keyhash reason)*, and for each of its models
-- used, used today, rests until, why
function ops.states(a)
  local window = tonumber(a[1])
  with('/', '0', a[2])
  local n = tonumber(a[3])
  local out = { str(now) }
  for i = 4 + n, #a do
    local off = call('HGETALL', key('off', a[i]))
    out[#out + 1] = str(#off / 2)
    for _, v in ipairs(off) do out[#out + 1] = v end
    for j = 4, 3 + n do
      local lane = a[i] .. '/' .. a[j]
      local rest = call('HMGET', key('rest', lane), 'until', 'why')
      out[#out + 1] = str(call('ZCOUNT', key('log', lane), '(' .. str(now - window), str(now)))
      out[#out + 1] = days[2] and call('GET', dayKey(lane, 2)) or '0'
      out[#out + 1] = rest[1] or '0'
      out[#out + 1] = rest[2] or ''
    end
  end
  return out
end

local args = {}
for i = 3, #ARGV do args[i - 2] = ARGV[i] end
return ops[op](args)
