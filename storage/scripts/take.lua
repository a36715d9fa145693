-- Raise a session's fence in its live state and return what the last owner left.
-- KEYS: live. ARGV: fence, instance, url, lifetime ms, tenant, interview.
-- Returns {1, old fence, old state} or {0, newer fence, ''}.
local old = redis.call('HMGET', KEYS[1], 'fence', 'state')
local had = tonumber(old[1] or '0')
if had >= tonumber(ARGV[1]) then
    return {0, had, ''}
end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'instance', ARGV[2], 'url', ARGV[3],
    'tenant', ARGV[5], 'interview', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {1, had, old[2] or ''}
