-- Lets a run begin, unless its try is obsolete, already finished, or being run by another worker.
-- KEYS lease, text, result, floor   ARGV run, order, lease ms
-- Returns {'obsolete'} | {'finished', result} | {'busy', ms until the lease ends} | {'begun'}
local floor = tonumber(redis.call('GET', KEYS[4]) or '0')
if tonumber(ARGV[2]) < floor then
  return {'obsolete'}
end
local result = redis.call('GET', KEYS[3])
if result then
  -- The result of an earlier round is no answer to this one.
  local order, body = string.match(result, '^(%d+) (.*)$')
  if tonumber(order) >= tonumber(ARGV[2]) then
    return {'finished', body}
  end
end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return {'busy', tostring(redis.call('PTTL', KEYS[1]))}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return {'begun'}
