-- Interviews whose candidate never came back: found by the sweep, closed by the application's role.

CREATE POLICY sweep ON interview_sessions FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON consents FOR SELECT TO entrevistador_sweep USING (true);
GRANT SELECT (id, created_at, tenant_id, interview_id, status, updated_at) ON interview_sessions
    TO entrevistador_sweep;
GRANT SELECT (id, created_at, interview_id, given) ON consents TO entrevistador_sweep;

-- Take a session over if nothing has happened to it since p_before; the outcomes are take_session's
-- and `here`. The row is locked first, so that a candidate who comes back in this moment wins, and
-- what was asked about keeps its age: whoever closes it may fail and try again.
CREATE FUNCTION take_abandoned(p_tenant uuid, p_session uuid, p_created timestamptz,
                               p_instance text, p_before timestamptz)
    RETURNS TABLE (outcome text, interview_id uuid, fence bigint, plan jsonb, seed bigint,
                   locale text, finished_reason text, state jsonb, answered jsonb)
    LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz;
BEGIN
    PERFORM set_config('app.tenant', p_tenant::text, true);
    SELECT v.updated_at INTO since FROM interview_sessions v
        WHERE v.id = p_session AND v.created_at = p_created AND v.updated_at < p_before
        FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'here';
        RETURN NEXT;
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM take_session(p_tenant, p_session, p_created, p_instance);
    UPDATE interview_sessions v SET updated_at = since
        WHERE v.id = p_session AND v.created_at = p_created;
END $$;

REVOKE ALL ON FUNCTION take_abandoned(uuid, uuid, timestamptz, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_abandoned(uuid, uuid, timestamptz, text, timestamptz)
    TO entrevistador_app;
