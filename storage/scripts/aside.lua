-- Set a journal aside from its head on, if that is still the entry that cannot be read: what lies
-- behind it could not be inserted before it.
-- KEYS: journal, set aside. ARGV: the unreadable entry. Returns how many entries were moved.
local moved = 0
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then return moved end
while true do
    local entry = redis.call('LPOP', KEYS[1])
    if not entry then return moved end
    redis.call('RPUSH', KEYS[2], entry)
    moved = moved + 1
end
