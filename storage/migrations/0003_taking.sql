-- A session's hot statements, one round trip each: take it over, confirm that, begin an ask.
--
-- They run with the caller's own rights: the tenant is set for the one transaction that each call
-- is, and row-level security does the rest, as it does when the caller sets it.

-- Step one of a take-over: raise the fence and read the record, or say why not and change nothing.
-- asked: attempts at the question under way that are on record; the new owner's is one more.
-- outcome: taken | finished | unknown | withdrawn | consent_missing
CREATE FUNCTION take_session(p_tenant uuid, p_session uuid, p_created timestamptz, p_instance text)
    RETURNS TABLE (outcome text, interview_id uuid, fence bigint, plan jsonb, seed bigint,
                   locale text, finished_reason text, state jsonb, answered jsonb,
                   asked integer)
    LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    s record;
    i record;
BEGIN
    PERFORM set_config('app.tenant', p_tenant::text, true);
    SELECT v.interview_id, v.fence, v.status, v.state, v.turns_done INTO s FROM interview_sessions v
        WHERE v.id = p_session AND v.created_at = p_created FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'unknown';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT v.status, v.plan, v.seed, v.locale, v.finished_reason INTO i
        FROM interviews v WHERE v.id = s.interview_id;
    outcome := CASE
        WHEN NOT FOUND THEN 'unknown'
        WHEN i.status = 'withdrawn' THEN 'withdrawn'
        WHEN i.status <> 'finished' AND NOT coalesce((
            SELECT c.given FROM consents c WHERE c.interview_id = s.interview_id
            ORDER BY c.created_at DESC, c.id DESC LIMIT 1), false) THEN 'consent_missing'
        WHEN s.status = 'finished' THEN 'finished'
        ELSE 'taken' END;
    interview_id := s.interview_id;
    fence := s.fence;
    state := s.state;
    plan := i.plan;
    seed := i.seed;
    locale := i.locale;
    finished_reason := i.finished_reason;
    IF outcome = 'taken' THEN
        UPDATE interview_sessions v SET fence = v.fence + 1, status = 'active',
            instance_id = p_instance, updated_at = now()
            WHERE v.id = p_session AND v.created_at = p_created
            RETURNING v.fence INTO fence;
        UPDATE interviews v SET status = 'live', started_at = coalesce(v.started_at, now())
            WHERE v.id = s.interview_id AND v.status = 'invited';
    END IF;
    IF outcome = 'taken' THEN
        SELECT coalesce(max(a.ask), 0) INTO asked FROM asks a
            WHERE a.session_id = p_session AND a.turn = s.turns_done + 1;
    END IF;
    IF outcome IN ('taken', 'finished') THEN
        answered := (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'client_msg_id', t.client_msg_id,
                'said', jsonb_build_object(
                    'turn', t.turn, 'competency', t.competency, 'level', t.level, 'kind', t.kind,
                    'question', t.question, 'answer', t.answer,
                    -- The interviewer's choices depend on what was asked for.
                    'skill', coalesce(a.directive->>'skill', ''),
                    'asked_for', coalesce(a.directive->>'asks', ''))) ORDER BY t.turn), '[]')
            FROM turns t LEFT JOIN asks a
                ON a.session_id = t.session_id AND a.turn = t.turn AND a.ask = t.ask
            WHERE t.session_id = p_session);
    END IF;
    RETURN NEXT;
END $$;

-- Whose session it is now, and how far it has come; no row for a session that is not there.
CREATE FUNCTION session_owner(p_tenant uuid, p_session uuid, p_created timestamptz)
    RETURNS TABLE (fence bigint, turns_done integer)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.tenant', p_tenant::text, true);
    RETURN QUERY SELECT v.fence, v.turns_done FROM interview_sessions v
        WHERE v.id = p_session AND v.created_at = p_created;
END $$;

-- Record an attempt that was not written with an answer; false when the fence is not the session's.
CREATE FUNCTION begin_ask(p_tenant uuid, p_session uuid, p_created timestamptz, p_fence bigint,
                          p_turn integer, p_ask integer, p_directive jsonb)
    RETURNS boolean
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.tenant', p_tenant::text, true);
    IF NOT EXISTS (SELECT 1 FROM interview_sessions v
                   WHERE v.id = p_session AND v.created_at = p_created AND v.fence = p_fence) THEN
        RETURN false;
    END IF;
    INSERT INTO asks (session_id, turn, ask, tenant_id, fence, directive)
        VALUES (p_session, p_turn, p_ask, p_tenant, p_fence, p_directive)
        ON CONFLICT DO NOTHING;
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION take_session(uuid, uuid, timestamptz, text),
    session_owner(uuid, uuid, timestamptz),
    begin_ask(uuid, uuid, timestamptz, bigint, integer, integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_session(uuid, uuid, timestamptz, text),
    session_owner(uuid, uuid, timestamptz),
    begin_ask(uuid, uuid, timestamptz, bigint, integer, integer, jsonb) TO entrevistador_app;
