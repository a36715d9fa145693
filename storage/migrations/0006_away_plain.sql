-- The sweep asks take_session itself, in one transaction with the look at the session's age: a
-- wrapper would have to repeat whatever take_session returns.
DROP FUNCTION take_abandoned(uuid, uuid, timestamptz, text, timestamptz);
