-- The end of a call: what was reserved and not used goes back, what it cost stays.
-- KEYS[1] the tier's bucket   KEYS[2] holds   KEYS[3] open attempts
-- KEYS[4] KEYS[5] KEYS[6] the accounts, for a call whose hold is gone
-- KEYS[7] that this was done: writes whose answer was lost are sent again
-- ARGV[1] attempt   [2] microseconds now, 0 = the server's clock   [3] [4] [5] used: requests,
-- input and output tokens   [6] micro-dollars   [7] microseconds that the provider wants us to
-- stay away
-- [8] [9] [10] the provider's limits of a minute, [11] [12] [13] what it says is left; -1 = unknown
-- Returns {account 1..3, threshold, used, limit, ...} of the thresholds that were crossed now.
local now = tonumber(ARGV[2])
if now == 0 then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local tier, attempt, cost = KEYS[1], ARGV[1], tonumber(ARGV[6])
local had = redis.call('HGET', KEYS[2], attempt)
if not redis.call('SET', KEYS[7], '', 'NX', 'PX', 60000) then
    return {}
end
local accounts = {KEYS[4], KEYS[5], KEYS[6]}
local change, counted = cost, '678'
if had then
    local hold = cjson.decode(had)
    accounts = {hold.session, hold.day, hold.month} -- of the day that it was reserved on
    counted = hold.counted
    change = cost - tonumber(hold.bound)
    redis.call('HDEL', KEYS[2], attempt)
    redis.call('ZREM', KEYS[3], attempt)
    if hold.need and redis.call('EXISTS', tier) == 1 then
        local part = hold.floor == 1 and 'f' or 'm'
        for kind = 1, 3 do
            local back = tonumber(hold.need[kind]) - tonumber(ARGV[2 + kind])
            redis.call('HINCRBYFLOAT', tier, part .. kind, string.format('%.6f', back))
        end
    end
end
local crossed = {}
for number, account in ipairs(accounts) do
    if redis.call('EXISTS', account) == 1 then
        local used
        if had and not string.find(counted, tostring(number + 5), 1, true) then
            used = redis.call('HINCRBY', account, 'used', cost)
        else
            used = redis.call('HINCRBY', account, 'used', change)
        end
        local limit = tonumber(redis.call('HGET', accounts[3],
            ({'session_limit', 'day_limit', 'month_limit'})[number]) or 0)
        local told = tonumber(redis.call('HGET', account, 'told') or 0)
        for _, threshold in ipairs({100, 80, 50}) do
            if limit > 0 and used * 100 >= limit * threshold and told < threshold then
                redis.call('HSET', account, 'told', threshold)
                for _, value in ipairs({number, threshold, used, limit}) do
                    crossed[#crossed + 1] = value
                end
                break
            end
        end
    end
end
if tonumber(ARGV[7]) > 0 then
    local stay = now + tonumber(ARGV[7])
    if stay > tonumber(redis.call('HGET', tier, 'until') or 0) then
        redis.call('HSET', tier, 'until', string.format('%.0f', stay))
    end
end
for kind = 1, 3 do
    local limit, left = tonumber(ARGV[7 + kind]), tonumber(ARGV[10 + kind])
    if limit > 0 then
        redis.call('HSET', tier, 'l' .. kind, limit)
    end
    local level = tonumber(redis.call('HGET', tier, 'm' .. kind) or 0)
    if left >= 0 and left < level then
        redis.call('HSET', tier, 'm' .. kind, left)
    end
end
return crossed
