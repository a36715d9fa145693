-- GCRA: one key, one decision, on the server's own clock.
-- KEYS[1]  the theoretical arrival time (microseconds since 1970) of one user
-- ARGV[1]  microseconds between two requests at the sustained rate
-- ARGV[2]  how many may come at once
-- Returns 0 when admitted, else the microseconds until one would be. A refusal changes nothing,
-- so hammering does not push the moment away; an admission always sets the key's lifetime with it.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval = tonumber(ARGV[1])
local slack = interval * (tonumber(ARGV[2]) - 1)
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
if arrival < now then
    arrival = now
end
local early = arrival - slack - now
if early > 0 then
    return early
end
arrival = arrival + interval
redis.call('SET', KEYS[1], string.format('%.0f', arrival),
    'PX', math.ceil((arrival - now) / 1000))
return 0
