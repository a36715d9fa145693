-- The fleet's waiting room: who waits, whose turn it is, and the seat kept for whoever is called.
-- KEYS: waiting (session by last sign of life), who (session -> lane|instance), called (session ->
-- instance|arrival), turns (tenant by turn), clock, instances, freed, counters.
-- ARGV: 1 op, 2-4 prefixes of lines, instances and slots, 5 keep ms, 6 present ms, 7 late ms,
-- 8 seat ms, 9 room of one instance, 10 minutes of the rate; then the op's own:
--   join: session, lane, arrival (0 = now), instance    look: instance, (session, lane, arrival)*
--   leave: session                                      stand: session
-- Lane '*' is for returning sessions: before all others, and up to the hard cap.
-- Returns {outcome, gone, lost, handed, waiting, returning, freed, ms, lanes, standings}.
local WAITING, WHO, CALLED, TURNS, CLOCK, INSTANCES, FREED, COUNTERS = unpack(KEYS)
local LINE, INSTANCE, SLOTS = ARGV[2], ARGV[3], ARGV[4]
local KEEP, PRESENT, LATE = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local SEAT, ROOM, MINUTES = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local FIRST, HANDED_MAX, LIFE = '*', 200, 7200000
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = math.floor(now / 60000)
local gone, lost, handed = 0, 0, 0
local houses, by_id = {}, {}
local seated, steady = {}, {} -- called by this call; where it stood before, and does still

local function count(outcome, by)
    if by > 0 then call('HINCRBY', COUNTERS, outcome, by) end
end

local function lane_of(session)
    local who = call('HGET', WHO, session)
    if who then return string.match(who, '^([^|]*)|(.*)$') end
end

local function forget(session)
    local lane = lane_of(session)
    if lane then call('ZREM', LINE .. lane, session) end
    call('ZREM', WAITING, session)
    call('HDEL', WHO, session)
    call('HDEL', CALLED, session)
end

-- The instances that could take somebody, with what they hold; a late one may be dead.
local function look_around()
    for _, id in ipairs(call('ZRANGEBYSCORE', INSTANCES, now, '+inf')) do
        local f = call('HMGET', INSTANCE .. id,
            'admit', 'cap', 'target', 'draining', 'until_ms', 'url')
        local ends = tonumber(f[5] or '0')
        if f[2] and f[4] ~= '1' and ends >= now and ends <= now + 60000 then
            local freed = call('ZREMRANGEBYSCORE', SLOTS .. id, '-inf', now)
            if freed > 0 then call('HINCRBY', FREED, minute, freed) end
            local house = { id = id, admit = tonumber(f[1]), cap = tonumber(f[2]),
                target = tonumber(f[3]), url = f[6], late = ends - now < LATE,
                taken = call('ZCARD', SLOTS .. id) }
            houses[#houses + 1] = house
            by_id[id] = house
        end
    end
end

-- Those whose place was kept long enough; a sign of life to come is of a clock that was set back.
local function purge()
    local to_come = call('ZRANGEBYSCORE', WAITING, now + 60000, '+inf', 'LIMIT', 0, 500)
    for _, session in ipairs(to_come) do
        call('ZADD', WAITING, now - PRESENT - 1, session)
    end
    for _, session in ipairs(call('ZRANGEBYSCORE', WAITING, '-inf', now - KEEP, 'LIMIT', 0, 500)) do
        local called = call('HGET', CALLED, session)
        local at = called and string.match(called, '^(.*)|%d+$')
        if not at or not call('ZSCORE', SLOTS .. at, session) then gone = gone + 1 end
        forget(session)
    end
    count('gave_up', gone)
    if call('ZCARD', WAITING) == 0 then call('DEL', TURNS, CLOCK) end
end

-- The instance that keeps a seat for a called session; a lost seat is its arrival instead.
local function seat_of(session)
    local called = call('HGET', CALLED, session)
    if not called then return nil, nil end
    local id, since = string.match(called, '^(.*)|(%d+)$')
    local ends = call('ZSCORE', SLOTS .. id, session)
    if ends and tonumber(ends) > now and by_id[id] and not by_id[id].late then
        return by_id[id], since
    end
    if ends then
        call('ZREM', SLOTS .. id, session)
        if by_id[id] then by_id[id].taken = by_id[id].taken - 1 end
    end
    call('HDEL', CALLED, session)
    lost = lost + 1
    return nil, since
end

-- Put a session into its line, or back to where it stood; returns called, kept or queued.
local function stand(session, lane, since, at)
    local had, where = lane_of(session)
    if had and had ~= lane then
        forget(session)
        had = nil
    end
    local house, was = seat_of(session)
    call('ZADD', WAITING, now, session)
    call('HSET', WHO, session, lane .. '|' .. (at or where or ''))
    if house then return 'called' end
    local before = call('ZSCORE', LINE .. lane, session)
    local arrival = now
    for _, known in ipairs({ since, was or 0, before or 0 }) do
        local ms = tonumber(known)
        if ms > 0 and ms < arrival then arrival = ms end
    end
    if before and arrival == tonumber(before) then return 'kept' end
    call('ZADD', LINE .. lane, arrival, session)
    if lane ~= FIRST and not call('ZSCORE', TURNS, lane) then
        call('ZADD', TURNS, tonumber(call('GET', CLOCK) or '0'), lane)
    end
    return had and 'kept' or 'queued'
end

-- Whose turn it is ---------------------------------------------------------------------------

local read = {} -- how far each line was read: those before it are away, and do not come back now

-- The first of a line who is there; whoever is away keeps the place, and is passed over.
local function head(lane)
    local at = read[lane] or 0
    while true do
        local part = call('ZRANGE', LINE .. lane, at, at + 49, 'WITHSCORES')
        if #part == 0 then return nil end
        for i = 1, #part, 2 do
            local heard = call('ZSCORE', WAITING, part[i])
            if heard and tonumber(heard) >= now - PRESENT then
                read[lane] = at
                return part[i], tonumber(part[i + 1])
            end
            at = at + 1
        end
    end
end

-- Tenants with somebody in line: {lane, turn, head, arrival of the head}; the others are let go.
local function lanes_in_turn()
    local found, clock = {}, tonumber(call('GET', CLOCK) or '0')
    local turns = call('ZRANGE', TURNS, 0, -1, 'WITHSCORES')
    for i = 1, #turns, 2 do
        local turn = tonumber(turns[i + 1])
        if call('ZCARD', LINE .. turns[i]) > 0 then
            found[#found + 1] = { lane = turns[i], turn = math.max(turn, clock) }
        elseif turn <= clock then
            call('ZREM', TURNS, turns[i])
        end
    end
    return found, clock
end

local function house_for(limit, at)
    local best
    for _, house in ipairs(houses) do
        if not house.late and house.taken < house[limit] then
            if house.id == at then return house end
            local under, best_under = house.taken < house.target, best and best.taken < best.target
            if not best or (under and not best_under)
                or (under == best_under and house.taken > best.taken) then
                best = house
            end
        end
    end
    return best
end

local function seat(session, lane, since, limit)
    local _, at = lane_of(session)
    local house = house_for(limit, at)
    if not house then return false end
    call('ZADD', SLOTS .. house.id, now + SEAT, session)
    call('PEXPIRE', SLOTS .. house.id, 3600000)
    house.taken = house.taken + 1
    call('HSET', CALLED, session, house.id .. '|' .. string.format('%.0f', since))
    call('PEXPIRE', CALLED, LIFE)
    call('ZREM', LINE .. lane, session)
    seated[session] = true
    return true
end

-- Hand every free place to the next in turn; `newcomer` has not waited at all.
local function hand(newcomer)
    if not house_for('cap') then return end
    while handed < HANDED_MAX do
        local session, since = head(FIRST)
        if not session or not seat(session, FIRST, since, 'cap') then break end
        if session ~= newcomer then handed = handed + 1 end
    end
    if head(FIRST) then return end -- nobody goes before an interview that is under way
    local lanes, clock = lanes_in_turn()
    for _, lane in ipairs(lanes) do lane.head, lane.since = head(lane.lane) end
    local rounds = 0
    while rounds < HANDED_MAX and house_for('admit') do
        rounds = rounds + 1
        local best
        for _, lane in ipairs(lanes) do
            if lane.head and (not best or lane.turn < best.turn
                or (lane.turn == best.turn and lane.since < best.since)) then
                best = lane
            end
        end
        if not best or not seat(best.head, best.lane, best.since, 'admit') then break end
        if best.head ~= newcomer then handed = handed + 1 end
        clock = best.turn
        best.turn = best.turn + 1 -- an equal share: one each in turn
        call('ZADD', TURNS, best.turn, best.lane)
        call('SET', CLOCK, clock, 'PX', LIFE)
        best.head, best.since = head(best.lane)
    end
end

-- What is said ------------------------------------------------------------------------------

local function standing(session)
    local known = not seated[session] and steady[session]
    if known then
        return { session, known[1], '', '', known[2], call('ZRANK', LINE .. known[1], session) }
    end
    local called = call('HGET', CALLED, session)
    if called then
        local id, since = string.match(called, '^(.*)|(%d+)$')
        return { session, 'called', id, by_id[id] and by_id[id].url or '', since, -1 }
    end
    local lane, at = lane_of(session)
    local since = lane and call('ZSCORE', LINE .. lane, session)
    if not since then return { session, 'nobody', '', '', '0', -1 } end
    return { session, lane, at, '', since, call('ZRANK', LINE .. lane, session) }
end

local function answer(outcome, sessions)
    local flat = {}
    for _, lane in ipairs((lanes_in_turn())) do
        local first = call('ZRANGE', LINE .. lane.lane, 0, 0, 'WITHSCORES')
        call('PEXPIRE', LINE .. lane.lane, LIFE)
        flat[#flat + 1] = { lane.lane, string.format('%.0f', lane.turn), first[2],
            call('ZCARD', LINE .. lane.lane) }
    end
    local freed, fields = 0, call('HGETALL', FREED)
    local began = now
    for i = 1, #fields, 2 do
        if fields[i] == 'since' then
            began = tonumber(fields[i + 1])
        elseif tonumber(fields[i]) > minute - MINUTES then
            freed = freed + tonumber(fields[i + 1])
        end
    end
    began = math.max(began, (minute - MINUTES + 1) * 60000)
    local standings = {}
    for _, session in ipairs(sessions) do standings[#standings + 1] = standing(session) end
    for _, key in ipairs({ WAITING, WHO, CALLED, TURNS, LINE .. FIRST }) do
        call('PEXPIRE', key, LIFE)
    end
    count('admitted', handed)
    count('seat_lost', lost)
    return { outcome, gone, lost, handed, call('ZCARD', WAITING), call('ZCARD', LINE .. FIRST),
        freed, now - began, flat, standings, string.format('%.0f', now) }
end

look_around()
if ARGV[1] == 'stand' then return answer('', { ARGV[11] }) end
purge()
if ARGV[1] == 'leave' then
    forget(ARGV[11])
    return answer('', {})
end
if ARGV[1] == 'join' then
    local session, lane = ARGV[11], ARGV[12]
    if not call('ZSCORE', WAITING, session) and lane ~= FIRST
        and call('ZCARD', WAITING) >= ROOM * #houses then
        count('waiting_full', 1)
        return answer('full', { session })
    end
    local outcome = stand(session, lane, tonumber(ARGV[13]), ARGV[14])
    hand(outcome == 'queued' and session)
    if outcome == 'queued' and not call('HEXISTS', CALLED, session) then count('queued', 1) end
    return answer(outcome, { session })
end
local asked, sessions, elsewhere, signs = {}, {}, {}, {}
for i = 12, #ARGV, 3 do asked[#asked + 1] = ARGV[i] end
local who = #asked > 0 and call('HMGET', WHO, unpack(asked)) or {}
local called = #asked > 0 and call('HMGET', CALLED, unpack(asked)) or {}
for i, session in ipairs(asked) do
    local lane = ARGV[9 + 3 * i + 1]
    local at = who[i] and string.match(who[i], '^[^|]*|(.*)$')
    if at and at ~= ARGV[11] then
        elsewhere[#elsewhere + 1] = { session, 'elsewhere', at, '', '0', -1 }
    else
        sessions[#sessions + 1] = session
        local since = at and not called[i] and who[i] == lane .. '|' .. at
            and call('ZSCORE', LINE .. lane, session)
        if since then -- as it was: the usual case
            steady[session] = { lane, since }
            signs[#signs + 1] = now
            signs[#signs + 1] = session
        else
            stand(session, lane, tonumber(ARGV[9 + 3 * i + 2]), ARGV[11])
        end
    end
end
if #signs > 0 then call('ZADD', WAITING, unpack(signs)) end
if by_id[ARGV[11]] then call('HSET', INSTANCE .. ARGV[11], 'waiting', #sessions) end
hand(nil)
local told = answer('', sessions)
for _, one in ipairs(elsewhere) do told[10][#told[10] + 1] = one end
return told
