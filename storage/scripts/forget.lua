-- KEYS: accounts to drop; the next reservation makes them from the ledger.
for _, key in ipairs(KEYS) do
    redis.call('DEL', key)
end
return 1
