-- Adds to a run's text and tells the chat's viewers, only while the run may write.
-- KEYS lease, text, floor   ARGV run, order, lease ms, text ms, length before (bytes, run id included), text, channel, event
-- Returns the stored length in bytes, or -1 when another run holds the lease or the try is obsolete,
-- or -2 when the text before this is not (wholly) there, as after Redis lost its data.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return -1
end
if tonumber(ARGV[2]) < tonumber(redis.call('GET', KEYS[3]) or '0') then
  return -1
end
-- A lease that nobody holds was lost with Redis's data or expired during a pause; its last holder may go on.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
local before = tonumber(ARGV[5])
local length = redis.call('STRLEN', KEYS[2])
if before == 0 then
  -- The first piece replaces what an earlier run left.
  redis.call('SET', KEYS[2], ARGV[1] .. ARGV[6], 'PX', ARGV[4])
elseif length == before then
  redis.call('APPEND', KEYS[2], ARGV[6])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
elseif length ~= before + #ARGV[6] then
  return -2
end
redis.call('PUBLISH', ARGV[7], ARGV[8])
return redis.call('STRLEN', KEYS[2])
