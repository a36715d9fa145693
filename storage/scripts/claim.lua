-- Claim a place for a session on one instance: the reservation is the admission.
-- KEYS: slots, instance. ARGV: session, limit ("admit" or "cap"), seconds the place lives.
-- Returns {outcome, taken}: claimed | renewed | full | draining | gone
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms)
local fields = redis.call('HMGET', KEYS[2], 'admit', 'cap', 'draining', 'until_ms')
local taken = redis.call('ZCARD', KEYS[1])
if not fields[2] or tonumber(fields[4] or '0') < ms then
    return {'gone', taken}
end
local ends = ms + math.floor(tonumber(ARGV[3]) * 1000)
local has = redis.call('ZSCORE', KEYS[1], ARGV[1])
if has then
    if ends > tonumber(has) then redis.call('ZADD', KEYS[1], ends, ARGV[1]) end
    return {'renewed', taken}
end
if fields[3] == '1' then
    return {'draining', taken}
end
local limit = tonumber(ARGV[2] == 'cap' and fields[2] or fields[1])
if taken >= limit then
    return {'full', taken}
end
redis.call('ZADD', KEYS[1], ends, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 3600000)
return {'claimed', taken + 1}
