-- Write a session's live state under its fence; a stale owner is refused.
-- KEYS: live. ARGV: fence, state, turns done, status, lifetime ms. Returns 1, or 0 when refused.
local had = redis.call('HGET', KEYS[1], 'fence')
if not had or tonumber(had) ~= tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'turns_done', ARGV[3], 'status', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
