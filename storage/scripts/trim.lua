-- Forget entries of a journal that PostgreSQL has: from the head, and only those that are named.
-- KEYS: journal. ARGV: their marks. Returns how many entries are left.
local known = {}
for _, mark in ipairs(ARGV) do known[mark] = true end
while true do
    local head = redis.call('LINDEX', KEYS[1], 0)
    if not head or not known[string.match(head, '^(%S+) ')] then break end
    redis.call('LPOP', KEYS[1])
end
return redis.call('LLEN', KEYS[1])
