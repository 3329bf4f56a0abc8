-- A round is over and stored. KEYS floor, lease, text, result   ARGV order, floor ms
-- What belongs to a later round stays: this may be a late word about an earlier one.
local floor = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > floor then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('DEL', KEYS[2], KEYS[3])
end
local result = redis.call('GET', KEYS[4])
if result and tonumber(string.match(result, '^(%d+) ')) < tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[4])
end
return 1
