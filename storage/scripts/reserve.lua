-- One decision about money and tokens together: all of it or nothing.
-- KEYS[1] the tier's bucket (hash)            KEYS[2] what each tenant used of it lately (hash)
-- KEYS[3] who waits for it (zset, ms)         KEYS[4] holds: attempt -> what was reserved (hash)
-- KEYS[5] open attempts by their end (zset, ms)
-- KEYS[6] KEYS[7] KEYS[8] the accounts of the session, of the tenant's day and of its month
-- ARGV[1] attempt   [2] tenant   [3] rank: 0 live turn .. 3 background   [4] microseconds now, 0 =
-- the server's clock   [5] [6] [7] needed: requests, input and output tokens   [8] [9] [10] the
-- limits of a minute   [11] seconds of the limit that the bucket holds   [12] microseconds that a
-- live turn may borrow from   [13] micro-dollars at most   [14] fence   [15] 1 = a session that
-- cannot have spent anything yet   [16] percent of the session's limit that this may use
-- [17] milliseconds until the hold is given up   [18] the hold's line for the ledger
-- [19] percent of the bucket below which this rank waits, [20] percent kept for background
-- Returns {'go', microseconds to wait first} | {'wait', microseconds, 1 = its share is used up}
-- | {'spent', account 1..3, used, limit, 1 = told for the first time} | {'unknown'} | {'fence'}
local SEEN = 60000000 -- a rank that asked within this is counted with
local tier, usage, waiting, holds, open = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local attempt, tenant, rank = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if now == 0 then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local need = {tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])}
local bound = tonumber(ARGV[13])

-- The money first: what cannot be paid does not wait.
local had = redis.call('HGET', holds, attempt) -- adopted when the accounts were rebuilt
local held, counted = 0, ''
if had then
    local parts = cjson.decode(had)
    held, counted = tonumber(parts.bound), parts.counted
end
local function forget()
    if had then
        redis.call('HDEL', holds, attempt)
        redis.call('ZREM', open, attempt)
        for account = 6, 8 do
            if string.find(counted, tostring(account), 1, true) then
                redis.call('HINCRBY', KEYS[account], 'used', -held)
            end
        end
    end
end
if redis.call('EXISTS', KEYS[6]) == 0 and ARGV[15] ~= '1' then
    return {'unknown'}
end
local policy = redis.call('HMGET', KEYS[8], 'session_limit', 'day_limit', 'month_limit', 'used')
if not policy[4] or redis.call('HEXISTS', KEYS[7], 'used') == 0 then
    return {'unknown'}
end
local fence = tonumber(redis.call('HGET', KEYS[6], 'fence') or 0)
if tonumber(ARGV[14]) > 0 and fence > tonumber(ARGV[14]) then
    return {'fence'}
end
for account = 6, 8 do
    local limit = tonumber(policy[account - 5] or 0)
    if account == 6 then
        limit = math.floor(limit * tonumber(ARGV[16]) / 100)
    end
    local used = tonumber(redis.call('HGET', KEYS[account], 'used') or 0)
    if string.find(counted, tostring(account), 1, true) then
        used = used - held
    end
    if limit > 0 and used + bound > limit then
        forget()
        local told = tonumber(redis.call('HGET', KEYS[account], 'told') or 0)
        local first = 0
        if told < 100 and redis.call('EXISTS', KEYS[account]) == 1 then
            redis.call('HSET', KEYS[account], 'told', 100)
            first = 1
        end
        return {'spent', account - 5, used, limit, first}
    end
end

-- The bucket: refilled by the time that has passed, most of it for all, a floor for background.
local kept = redis.call('HMGET', tier, 'at', 'm1', 'm2', 'm3', 'f1', 'f2', 'f3', 'l1', 'l2', 'l3',
    'until', 's0', 's1', 's2', 's3')
local at = tonumber(kept[1] or now)
local passed = math.max(0, now - at)
local seen = {}
for other = 0, 3 do
    seen[other] = now - tonumber(kept[12 + other] or -SEEN) < SEEN
end
seen[rank] = true
local share = seen[3] and tonumber(ARGV[20]) / 100 or 0
local main, floor, rate, cap, floor_cap = {}, {}, {}, {}, {}
for kind = 1, 3 do
    local limit = tonumber(ARGV[7 + kind])
    local learned = tonumber(kept[7 + kind] or 0)
    if learned > 0 then
        limit = math.min(limit, learned)
    end
    rate[kind] = limit / 60000000
    cap[kind] = rate[kind] * tonumber(ARGV[11]) * 1000000
    floor_cap[kind] = cap[kind] * tonumber(ARGV[20]) / 100
    local filled = tonumber(kept[4 + kind] or 0) + share * rate[kind] * passed
    floor[kind] = math.min(filled, floor_cap[kind])
    main[kind] = math.min(cap[kind], tonumber(kept[1 + kind] or 0)
        + (1 - share) * rate[kind] * passed + filled - floor[kind])
end
local pause = math.max(0, tonumber(kept[11] or 0) - now)

-- How long until each way in is open: the common part above the watermark, or the floor.
local urgent = false
for other = 0, rank - 1 do
    urgent = urgent or seen[other]
end
local function until_open(level, most, speed, mark)
    local longest = 0
    for kind = 1, 3 do
        local wanted = math.min(math.min(need[kind], most[kind]) + mark * most[kind], most[kind])
        if wanted > level[kind] then
            longest = math.max(longest, (wanted - level[kind]) / (speed * rate[kind]))
        end
    end
    return longest
end
local mark = urgent and tonumber(ARGV[19]) / 100 or 0
local wait = until_open(main, cap, 1 - share, mark)
local from = main
if rank == 3 and wait > 0 then
    local other = until_open(floor, floor_cap, math.max(share, 0.001), 0)
    if other < wait then
        wait, from = other, floor
    end
end
wait = math.max(wait, pause)

-- Between tenants: where it is scarce, who used less lately goes first. Whole fleet, not process.
local function lately(text)
    local colon = string.find(text, ':', 1, true)
    local value = tonumber(string.sub(text, 1, colon - 1))
    local when = tonumber(string.sub(text, colon + 1))
    return value * math.exp(-math.max(0, now - when) / 10000000)
end
local mine = lately(redis.call('HGET', usage, tenant) or '0:0')
local over = 0
local scarce = wait > 0 or until_open(main, cap, 1, 0.1) > 0
if scarce then
    redis.call('ZREMRANGEBYSCORE', waiting, '-inf', now / 1000 - 2000)
    for _, member in ipairs(redis.call('ZRANGE', waiting, 0, 63)) do
        local other = string.sub(member, 3)
        if other ~= tenant and tonumber(string.sub(member, 1, 1)) <= rank
            and lately(redis.call('HGET', usage, other) or '0:0') < mine then
            over = 1
        end
    end
end
local borrow = 0
if rank == 0 then
    borrow = tonumber(ARGV[12])
    if over == 1 then
        borrow = borrow / 4 -- of what is borrowed, who used more gets the smaller part
        over = 0
    end
end

local function save()
    redis.call('HSET', tier, 'at', string.format('%.0f', now),
        'm1', string.format('%.6f', main[1]), 'm2', string.format('%.6f', main[2]),
        'm3', string.format('%.6f', main[3]), 'f1', string.format('%.6f', floor[1]),
        'f2', string.format('%.6f', floor[2]), 'f3', string.format('%.6f', floor[3]),
        's' .. rank, string.format('%.0f', now))
    redis.call('PEXPIRE', tier, 3600000)
end
if wait > borrow or over == 1 then
    save()
    if over == 1 and wait <= borrow then
        wait = math.max(wait, need[1] / rate[1])
    end
    -- The mark lasts until whoever waits asks again, and a little longer.
    redis.call('ZADD', waiting, (now + math.min(wait, 10000000)) / 1000, rank .. ':' .. tenant)
    redis.call('PEXPIRE', waiting, 20000)
    return {'wait', math.ceil(math.max(1, wait)), over}
end

-- Granted: the tokens, the money and the mark of who used it.
local cost = 0
for kind = 1, 3 do
    from[kind] = from[kind] - need[kind]
    cost = math.max(cost, need[kind] / (rate[kind] * 60000000))
end
save()
redis.call('ZREM', waiting, rank .. ':' .. tenant)
redis.call('HSET', usage, tenant, string.format('%.9f:%.0f', mine + cost, now))
redis.call('PEXPIRE', usage, 120000)
forget()
for account = 6, 8 do
    redis.call('HINCRBY', KEYS[account], 'used', bound)
end
if tonumber(ARGV[14]) > 0 then
    redis.call('HSET', KEYS[6], 'fence', ARGV[14])
end
redis.call('PEXPIRE', KEYS[6], 172800000)
redis.call('HSET', holds, attempt, cjson.encode({bound = ARGV[13], counted = '678',
    session = KEYS[6], day = KEYS[7], month = KEYS[8], tier = tier,
    need = {ARGV[5], ARGV[6], ARGV[7]},
    floor = from == floor and 1 or 0, line = ARGV[18]}))
redis.call('ZADD', open, now / 1000 + tonumber(ARGV[17]), attempt)
return {'go', math.ceil(wait)}
