-- Makes tries below an order obsolete, for good. KEYS floor   ARGV order, floor ms, channel, answer
local floor = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > floor then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
redis.call('PUBLISH', ARGV[3], ARGV[4] .. ':' .. ARGV[1])
return 1
