-- Give a place back, and count it as freed where somebody new could have it.
-- KEYS: slots, instance, freed places by minute. ARGV: session. Returns whether there was one.
local had = redis.call('ZREM', KEYS[1], ARGV[1])
if had == 1 and redis.call('HGET', KEYS[2], 'draining') ~= '1' then
    local now = redis.call('TIME')
    redis.call('HINCRBY', KEYS[3], math.floor(now[1] / 60), 1)
end
return had
