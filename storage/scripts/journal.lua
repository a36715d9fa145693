-- Accept one entry while PostgreSQL is away: only as the session's confirmed owner, and only into
-- an append-only file whose last write went well.
-- KEYS: live, journal. ARGV: fence, run id that was checked, mark, kind, turn, body, most entries,
-- most bytes. An entry is "mark kind turn body"; a mark has no space and names the entry for ever.
-- Returns kept | have, or why not: missing | fence | unchecked | aof_off | aof_error | answered |
-- order | full
local had = redis.call('HGET', KEYS[1], 'fence')
if not had then return 'missing' end
if tonumber(had) ~= tonumber(ARGV[1]) then return 'fence' end
if not string.find(redis.call('INFO', 'server'), 'run_id:' .. ARGV[2], 1, true) then
    return 'unchecked'
end
local persistence = redis.call('INFO', 'persistence')
if not string.find(persistence, 'aof_enabled:1', 1, true) then return 'aof_off' end
if not string.find(persistence, 'aof_last_write_status:ok', 1, true) then return 'aof_error' end
local turn = tonumber(ARGV[5])
local last, bytes = nil, 0
local entries = redis.call('LRANGE', KEYS[2], 0, -1)
for _, entry in ipairs(entries) do
    local mark, kind, number = string.match(entry, '^(%S+) (%S+) (%d+) ')
    if mark == ARGV[3] then return 'have' end
    if kind == 'turn' then
        last = tonumber(number)
        if ARGV[4] == 'turn' and last == turn then return 'answered' end
    end
    bytes = bytes + string.len(entry)
end
-- Turns lie here without a gap, and an attempt at a question never before the answer it follows.
if last and ARGV[4] == 'turn' and turn ~= last + 1 then return 'order' end
if last and ARGV[4] == 'ask' and turn > last + 1 then return 'order' end
local entry = table.concat({ARGV[3], ARGV[4], ARGV[5], ARGV[6]}, ' ')
if #entries >= tonumber(ARGV[7]) or bytes + string.len(entry) > tonumber(ARGV[8]) then
    return 'full'
end
redis.call('RPUSH', KEYS[2], entry)
return 'kept'
