-- The end of a lead: the answer is kept, or there is none, and whoever waits is told.
-- KEYS[1] the answer   KEYS[2] who leads   KEYS[3] the channel
-- ARGV[1] the leader's mark   [2] the answer, '' = none   [3] seconds to keep it
-- The leader alone takes its mark away: after its time another one may be there.
if ARGV[2] ~= '' then
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
if redis.call('GET', KEYS[2]) == ARGV[1] then
    redis.call('DEL', KEYS[2])
end
redis.call('PUBLISH', KEYS[3], KEYS[1])
return 1
