-- A round is over and stored. KEYS floor, lease, text, result   ARGV order, floor ms
local floor = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > floor then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
return 1
