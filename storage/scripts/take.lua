-- Raise a session's fence in its live state and return what the last owner left. That seals its
-- journal, too: whoever holds an older fence can append nothing from now on.
-- KEYS: live, journal. ARGV: fence, instance, url, lifetime ms, tenant, interview.
-- Returns {1, old fence, old state, journal's entries} or {0, newer fence, '', {}}. The same owner
-- may ask again: it has been here.
local old = redis.call('HMGET', KEYS[1], 'fence', 'state', 'instance')
local had = tonumber(old[1] or '0')
local again = had == tonumber(ARGV[1]) and old[3] == ARGV[2]
if had >= tonumber(ARGV[1]) and not again then
    return {0, had, '', {}}
end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'instance', ARGV[2], 'url', ARGV[3],
    'tenant', ARGV[5], 'interview', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {1, had, old[2] or '', redis.call('LRANGE', KEYS[2], 0, -1)}
