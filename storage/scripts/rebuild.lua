-- Accounts that Redis has lost, from the ledger and the attempts that are open; never from zero.
-- KEYS[1] holds   KEYS[2] open attempts   KEYS[3] KEYS[4] KEYS[5] session, day, month
-- ARGV[1] [2] [3] spent by each, as the ledger says   [4] [5] [6] their limits   [7] milliseconds
-- until adopted attempts are given up   then for each open attempt: its name, its bound, its line,
-- 1 = it is of this session, 1 = it was begun on this day
-- An account that is there already is left alone: whoever was faster read the same ledger.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local made = {}
local lifetimes = {172800000, 259200000, 3456000000}
for account = 1, 3 do
    if redis.call('HSETNX', KEYS[2 + account], 'used', ARGV[account]) == 1 then
        made[account] = true
        redis.call('PEXPIRE', KEYS[2 + account], lifetimes[account])
    end
end
if made[3] then
    redis.call('HSET', KEYS[5], 'session_limit', ARGV[4], 'day_limit', ARGV[5],
        'month_limit', ARGV[6])
end
-- What is held here already (an account alone was lost) is charged to the new account as well.
if made[1] or made[2] or made[3] then
    local held = redis.call('HGETALL', KEYS[1])
    for at = 2, #held, 2 do
        local hold = cjson.decode(held[at])
        local names = {hold.session, hold.day, hold.month}
        for account = 1, 3 do
            if made[account] and names[account] == KEYS[2 + account]
                and string.find(hold.counted, tostring(account + 5), 1, true) then
                redis.call('HINCRBY', KEYS[2 + account], 'used', hold.bound)
            end
        end
    end
end
for from = 8, #ARGV, 5 do
    local attempt, bound = ARGV[from], ARGV[from + 1]
    local counted = ''
    if made[1] and ARGV[from + 3] == '1' then counted = counted .. '6' end
    if made[2] and ARGV[from + 4] == '1' then counted = counted .. '7' end
    if made[3] then counted = counted .. '8' end
    if counted ~= '' and redis.call('HEXISTS', KEYS[1], attempt) == 0 then
        redis.call('HSET', KEYS[1], attempt, cjson.encode({bound = bound, counted = counted,
            session = KEYS[3], day = KEYS[4], month = KEYS[5], line = ARGV[from + 2]}))
        redis.call('ZADD', KEYS[2], now + tonumber(ARGV[7]), attempt)
        for account = 1, 3 do
            if string.find(counted, tostring(account + 5), 1, true) then
                redis.call('HINCRBY', KEYS[2 + account], 'used', bound)
            end
        end
    end
end
return 1
