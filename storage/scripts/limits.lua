-- A company's limits as PostgreSQL has them now, for accounts that are there already.
-- KEYS[1] the account of its day   KEYS[2] of its month, which keeps the limits
-- ARGV[1] [2] [3] limits of a session, a day and a month, 0 = none   [4] when PostgreSQL said so
-- (microseconds): what was read earlier never comes after what was read later
-- Returns 1 when something has changed. A threshold that is not reached under the new limit will
-- be told again.
local had = redis.call('HMGET', KEYS[2], 'used', 'limits_at', 'session_limit', 'day_limit',
    'month_limit')
if not had[1] or tonumber(had[2] or 0) > tonumber(ARGV[4]) then
    return 0
end
redis.call('HSET', KEYS[2], 'limits_at', ARGV[4])
if had[3] == ARGV[1] and had[4] == ARGV[2] and had[5] == ARGV[3] then
    return 0
end
redis.call('HSET', KEYS[2], 'session_limit', ARGV[1], 'day_limit', ARGV[2], 'month_limit', ARGV[3])
for number = 1, 2 do
    local limit, told = tonumber(ARGV[1 + number]), redis.call('HGET', KEYS[number], 'told')
    if told then
        local used, reached = tonumber(redis.call('HGET', KEYS[number], 'used') or 0), 0
        for _, threshold in ipairs({50, 80, 100}) do
            if limit > 0 and used * 100 >= limit * threshold then
                reached = threshold
            end
        end
        redis.call('HSET', KEYS[number], 'told', math.min(tonumber(told), reached))
    end
end
return 1
