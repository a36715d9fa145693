-- Claim a place for a session on one instance: the reservation is the admission.
-- KEYS: slots, instance, waiting room, line of the returning, freed places by minute.
-- ARGV: session, limit ("admit" or "cap"), seconds the place lives, ms a place in line is kept.
-- Returns {outcome, taken, in the waiting room}: claimed | renewed | full | behind (somebody waits,
-- and nobody goes before them) | draining | gone
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ended = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
local fields = redis.call('HMGET', KEYS[2], 'admit', 'cap', 'draining', 'until_ms')
local taken = redis.call('ZCARD', KEYS[1])
local waits = redis.call('ZSCORE', KEYS[3], ARGV[1]) and 1 or 0
if ended > 0 and fields[3] ~= '1' then
    redis.call('HINCRBY', KEYS[5], math.floor(ms / 60000), ended)
end
local lease = tonumber(fields[4] or '0')
if not fields[2] or lease < ms or lease > ms + 60000 then -- of a clock that was set back
    return {'gone', taken, waits}
end
local ends = ms + math.floor(tonumber(ARGV[3]) * 1000)
local has = redis.call('ZSCORE', KEYS[1], ARGV[1])
if has then
    if ends > tonumber(has) then redis.call('ZADD', KEYS[1], ends, ARGV[1]) end
    return {'renewed', taken, waits}
end
if fields[3] == '1' then
    return {'draining', taken, waits}
end
local limit = tonumber(ARGV[2] == 'cap' and fields[2] or fields[1])
if taken >= limit then
    return {'full', taken, waits}
end
local before = ARGV[2] == 'cap' and redis.call('ZCARD', KEYS[4])
    or redis.call('ZCOUNT', KEYS[3], ms - tonumber(ARGV[4]), '+inf')
if before > 0 then
    return {'behind', taken, waits}
end
redis.call('ZADD', KEYS[1], ends, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 3600000)
return {'claimed', taken + 1, waits}
