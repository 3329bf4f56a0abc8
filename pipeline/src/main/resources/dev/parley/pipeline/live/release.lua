-- Gives a run's lease back, if it still is this run's. KEYS lease   ARGV run
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
