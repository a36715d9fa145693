-- Leave the mark by which an instance is asked to drain; it looks at its next renewal.
-- KEYS: the instance, then every other one that is known. ARGV: "1" to do it in any case.
-- Nobody is sent there from now on. Returns asked | draining (it does already) | gone (no such
-- instance lives) | last (no other one would admit anybody: alive, not draining, not asked to).
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local function state(key)
    local fields = redis.call('HMGET', key, 'until_ms', 'draining', 'drain')
    local lease = tonumber(fields[1] or '0')
    if lease < ms or lease > ms + 60000 then
        return 'gone'
    end
    return (fields[2] == '1' or fields[3] == '1') and 'draining' or 'open'
end
local mine = state(KEYS[1])
if mine ~= 'open' then
    return mine
end
local others = 0
for i = 2, #KEYS do
    if state(KEYS[i]) == 'open' then
        others = others + 1
    end
end
if others == 0 and ARGV[1] ~= '1' then
    return 'last'
end
redis.call('HSET', KEYS[1], 'drain', '1', 'draining', '1')
return 'asked'
