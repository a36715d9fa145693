-- Add a notice to a tenant's stream.
-- KEYS: events. ARGV: kind, data, most to keep, lifetime seconds. Returns the notice's id.
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*',
    'kind', ARGV[1], 'data', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return id
