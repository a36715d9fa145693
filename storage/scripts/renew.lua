-- Renew an instance's lease and the places of the sessions it holds.
-- KEYS: instances, instance, slots. ARGV: instance id, instance seconds, slot seconds, draining,
-- url, admit, cap, target, then the sessions' ids. Who the instance is stands in every renewal, so
-- that an emptied Redis knows it again. Returns how many places are taken (seats included).
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ends = ms + math.floor(tonumber(ARGV[2]) * 1000)
redis.call('ZADD', KEYS[1], ends, ARGV[1])
redis.call('HSET', KEYS[2], 'until_ms', ends, 'draining', ARGV[4], 'url', ARGV[5],
    'admit', ARGV[6], 'cap', ARGV[7], 'target', ARGV[8])
redis.call('PEXPIRE', KEYS[2], 3600000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ms - 60000)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ms)
local slot_ends = ms + math.floor(tonumber(ARGV[3]) * 1000)
for i = 9, #ARGV do
    redis.call('ZADD', KEYS[3], 'GT', slot_ends, ARGV[i])
end
if #ARGV > 8 then
    redis.call('PEXPIRE', KEYS[3], 3600000)
end
return redis.call('ZCARD', KEYS[3])
