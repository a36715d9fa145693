-- What a move asks of the database, one round trip each: look before a resume, write down the end.
--
-- They run with the caller's own rights, as those of 0003_taking.sql.

-- The state of a session, to judge a resume token by; no row for a session that is not there.
CREATE FUNCTION session_state(p_tenant uuid, p_session uuid, p_created timestamptz)
    RETURNS TABLE (state jsonb)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.tenant', p_tenant::text, true);
    RETURN QUERY SELECT v.state FROM interview_sessions v
        WHERE v.id = p_session AND v.created_at = p_created;
END $$;

-- Write the state down under the fence; false when that is not the session's any more.
CREATE FUNCTION checkpoint_session(p_tenant uuid, p_session uuid, p_created timestamptz,
                                   p_fence bigint, p_state jsonb)
    RETURNS boolean
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.tenant', p_tenant::text, true);
    UPDATE interview_sessions v SET state = p_state, updated_at = now()
        WHERE v.id = p_session AND v.created_at = p_created AND v.fence = p_fence;
    RETURN FOUND;
END $$;

REVOKE ALL ON FUNCTION session_state(uuid, uuid, timestamptz),
    checkpoint_session(uuid, uuid, timestamptz, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION session_state(uuid, uuid, timestamptz),
    checkpoint_session(uuid, uuid, timestamptz, bigint, jsonb) TO entrevistador_app;
