-- Renew an instance's lease and the places of the sessions it holds.
-- KEYS: instances, instance, slots, freed places by minute. ARGV: instance id, instance seconds,
-- slot seconds, draining, url, admit, cap, target, "1" when all its sessions are named, the minutes
-- of the rate, then the sessions' ids. Who the instance is stands in every renewal, so that an
-- emptied Redis knows it again; but a part of its sessions would make it look emptier than it is,
-- and waiting people would be let in over the limit. Returns how many places are taken (seats
-- included), or -1 when nothing was done because all the sessions have to be named: Redis does
-- not know the instance, or its lease had run out (it was frozen, or the clock was moved).
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ends = ms + math.floor(tonumber(ARGV[2]) * 1000)
local lease = tonumber(redis.call('HGET', KEYS[2], 'until_ms') or '0')
if ARGV[9] ~= '1' and (lease < ms or lease > ms + 60000) then
    return -1
end
redis.call('ZADD', KEYS[1], ends, ARGV[1])
redis.call('HSET', KEYS[2], 'until_ms', ends, 'draining', ARGV[4], 'url', ARGV[5],
    'admit', ARGV[6], 'cap', ARGV[7], 'target', ARGV[8])
redis.call('PEXPIRE', KEYS[2], 3600000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms - 60000)
local freed = redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ms)
local minute = math.floor(ms / 60000)
if freed > 0 and ARGV[4] ~= '1' then
    redis.call('HINCRBY', KEYS[4], minute, freed)
end
redis.call('HSETNX', KEYS[4], 'since', ms)
redis.call('HDEL', KEYS[4], minute - tonumber(ARGV[10]))
redis.call('PEXPIRE', KEYS[4], 3600000)
local slot_ends = ms + math.floor(tonumber(ARGV[3]) * 1000)
-- Places that would last longer than any lease are of a clock that was set back.
for _, place in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], ms + 60000, '+inf')) do
    redis.call('ZADD', KEYS[3], slot_ends, place)
end
for i = 11, #ARGV do
    redis.call('ZADD', KEYS[3], 'GT', slot_ends, ARGV[i])
end
if #ARGV > 10 then
    redis.call('PEXPIRE', KEYS[3], 3600000)
end
return redis.call('ZCARD', KEYS[3])
