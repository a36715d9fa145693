-- Attempts whose end nobody told: their process is gone. What they held stays spent.
-- KEYS[1] holds   KEYS[2] open attempts   ARGV[1] how many at most
-- Returns {attempt, hold, ...}.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = {}
for _, attempt in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])) do
    local hold = redis.call('HGET', KEYS[1], attempt)
    redis.call('ZREM', KEYS[2], attempt)
    redis.call('HDEL', KEYS[1], attempt)
    if hold then
        found[#found + 1] = attempt
        found[#found + 1] = hold
    end
end
return found
