-- The house: every table, under forced row-level security from its first day.
-- Roles exist already (storage.roles). A missing tenant reads nothing: current_tenant() is NULL.
-- Foreign keys look behind the policies, so they carry the tenant: a row cannot point at another's.

CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{1,62}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    about text NOT NULL DEFAULT '',
    website text NOT NULL DEFAULT '',
    region text NOT NULL DEFAULT 'PE',
    locale text NOT NULL DEFAULT 'es-PE',
    retention_days integer NOT NULL DEFAULT 365 CHECK (retention_days BETWEEN 1 AND 3650),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    subject text NOT NULL,  -- the token's sub
    name text NOT NULL,
    email text NOT NULL DEFAULT '',
    roles text[] NOT NULL DEFAULT '{recruiter}'
        CHECK (roles <@ ARRAY['recruiter', 'operator']),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, subject),
    UNIQUE (tenant_id, id)
);

CREATE TABLE openings (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    category text NOT NULL DEFAULT 'other',
    location text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '' CHECK (length(description) <= 20000),
    must_have jsonb NOT NULL DEFAULT '[]',
    nice_to_have jsonb NOT NULL DEFAULT '[]',
    seniority text NOT NULL DEFAULT 'mid' CHECK (seniority IN ('junior', 'mid', 'senior')),
    language text NOT NULL DEFAULT 'es' CHECK (language IN ('es', 'en', 'pt')),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('draft', 'open', 'closed')),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX openings_by_tenant ON openings (tenant_id, id);

CREATE TABLE candidates (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    email text NOT NULL DEFAULT '' CHECK (length(email) <= 320),
    phone text NOT NULL DEFAULT '' CHECK (length(phone) <= 40),
    erased_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX candidates_by_tenant ON candidates (tenant_id, id);

CREATE TABLE cvs (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    candidate_id uuid NOT NULL,
    opening_id uuid,  -- what it was uploaded for, if anything
    object_key text NOT NULL,
    filename text NOT NULL CHECK (length(filename) <= 255),
    bytes bigint NOT NULL DEFAULT 0,
    sha256 text NOT NULL DEFAULT '',
    lane text NOT NULL DEFAULT 'active' CHECK (lane IN ('premium', 'active', 'bulk', 'again')),
    kind text NOT NULL DEFAULT '',
    status text NOT NULL DEFAULT 'awaiting_upload'
        CHECK (status IN ('awaiting_upload', 'working', 'ready', 'refused', 'needs_ocr', 'erased')),
    stage text NOT NULL DEFAULT 'upload'  -- the last stage passed
        CHECK (stage IN ('upload', 'validate', 'parse', 'extract', 'vectorize', 'match')),
    fault text NOT NULL DEFAULT '',  -- code
    fault_detail text NOT NULL DEFAULT '',
    pages integer NOT NULL DEFAULT 0,
    language text NOT NULL DEFAULT '',
    text_chars integer NOT NULL DEFAULT 0,
    hidden jsonb NOT NULL DEFAULT '{}',  -- counts of what a person can't see
    confirmed_at timestamptz,
    stage_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, candidate_id) REFERENCES candidates (tenant_id, id),
    FOREIGN KEY (tenant_id, opening_id) REFERENCES openings (tenant_id, id)
);
CREATE UNIQUE INDEX cvs_by_tenant ON cvs (tenant_id, id);
CREATE INDEX cvs_by_candidate ON cvs (candidate_id);
CREATE INDEX cvs_working ON cvs (stage_at) WHERE status = 'working';

CREATE TABLE cv_texts (
    cv_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    text text NOT NULL,
    FOREIGN KEY (tenant_id, cv_id) REFERENCES cvs (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE profiles (
    cv_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    candidate_id uuid NOT NULL,
    profile jsonb NOT NULL,
    extractor text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, cv_id) REFERENCES cvs (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, candidate_id) REFERENCES candidates (tenant_id, id)
);
CREATE INDEX profiles_by_tenant ON profiles (tenant_id);

-- The model's id and dimension stay with every vector; several models may live side by side.
CREATE TABLE embeddings (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    owner_kind text NOT NULL CHECK (owner_kind IN ('cv', 'opening')),
    owner_id uuid NOT NULL,
    model text NOT NULL,
    dimension integer NOT NULL CHECK (dimension BETWEEN 1 AND 4000),
    category text NOT NULL DEFAULT 'other',
    version integer NOT NULL,  -- of the profile or opening it was made from
    vector halfvec NOT NULL CHECK (vector_dims(vector) = dimension),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner_kind, owner_id, model)
);
CREATE INDEX embeddings_by_tenant ON embeddings (tenant_id, owner_kind, model);

CREATE TABLE matches (
    opening_id uuid NOT NULL,
    cv_id uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    score double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    matched jsonb NOT NULL,
    missing jsonb NOT NULL,
    gates jsonb NOT NULL,
    gates_passed boolean NOT NULL,
    opening_version integer NOT NULL,
    profile_version integer NOT NULL,
    matcher integer NOT NULL,  -- version of the rules and weights
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (opening_id, cv_id),
    FOREIGN KEY (tenant_id, opening_id) REFERENCES openings (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, cv_id) REFERENCES cvs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX matches_best ON matches (tenant_id, opening_id, gates_passed DESC, score DESC);
CREATE INDEX matches_by_cv ON matches (cv_id);

CREATE TABLE interviews (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    opening_id uuid NOT NULL,
    candidate_id uuid NOT NULL,
    cv_id uuid,
    session_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'invited'
        CHECK (status IN ('invited', 'live', 'finished', 'expired', 'withdrawn')),
    locale text NOT NULL DEFAULT 'es-PE',
    minutes integer NOT NULL CHECK (minutes BETWEEN 5 AND 180),
    plan jsonb NOT NULL,
    erased boolean NOT NULL GENERATED ALWAYS AS (plan = '{}') STORED,  -- by erase_candidate()
    seed bigint NOT NULL,
    invitation integer NOT NULL DEFAULT 1,  -- raised to invalidate older links
    invited_by uuid,
    finished_reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    FOREIGN KEY (tenant_id, opening_id) REFERENCES openings (tenant_id, id),
    FOREIGN KEY (tenant_id, candidate_id) REFERENCES candidates (tenant_id, id),
    FOREIGN KEY (tenant_id, cv_id) REFERENCES cvs (tenant_id, id),
    FOREIGN KEY (tenant_id, invited_by) REFERENCES users (tenant_id, id)
);
CREATE UNIQUE INDEX interviews_by_tenant ON interviews (tenant_id, id);
CREATE INDEX interviews_by_opening ON interviews (opening_id);
CREATE INDEX interviews_by_candidate ON interviews (candidate_id);

-- Partitioned by month; the key is part of the primary key, and equals the id's own time.
CREATE TABLE interview_sessions (
    id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    interview_id uuid NOT NULL,
    fence bigint NOT NULL DEFAULT 0,  -- the epoch: grows at every take-over
    joins integer NOT NULL DEFAULT 0,  -- resume tokens carry it
    joins_confirmed integer NOT NULL DEFAULT 0,  -- older resume tokens are void
    turns_done integer NOT NULL DEFAULT 0,
    state jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'active', 'finished')),
    instance_id text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (id, created_at),
    FOREIGN KEY (tenant_id, interview_id) REFERENCES interviews (tenant_id, id)
) PARTITION BY RANGE (created_at);
CREATE INDEX interview_sessions_by_interview ON interview_sessions (interview_id);
CREATE INDEX interview_sessions_active ON interview_sessions (tenant_id) WHERE status = 'active';

-- What was said. Never updated or deleted by the application; only erase_candidate() does.
CREATE TABLE turns (
    session_id uuid NOT NULL,
    turn integer NOT NULL CHECK (turn >= 1),
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    interview_id uuid NOT NULL,
    fence bigint NOT NULL,
    ask integer NOT NULL,
    competency text NOT NULL,
    level text NOT NULL,
    kind text NOT NULL,
    engine text NOT NULL,
    question text NOT NULL,
    answer text NOT NULL,
    client_msg_id text NOT NULL,
    seconds double precision NOT NULL DEFAULT 0,  -- of active time the answer took
    answered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, turn),
    UNIQUE (session_id, client_msg_id),
    FOREIGN KEY (tenant_id, interview_id) REFERENCES interviews (tenant_id, id)
);
CREATE INDEX turns_by_interview ON turns (interview_id);

-- One row for every question begun: paid calls are accounted against these.
CREATE TABLE asks (
    session_id uuid NOT NULL,
    turn integer NOT NULL,
    ask integer NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    fence bigint NOT NULL,
    directive jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, turn, ask)
);

CREATE TABLE reports (
    interview_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    status text NOT NULL CHECK (status IN ('ready', 'pending_review')),
    evaluation jsonb NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, interview_id) REFERENCES interviews (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE decisions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    interview_id uuid NOT NULL,
    report_version integer NOT NULL,
    decision text NOT NULL CHECK (decision IN ('advance', 'hold', 'decline')),
    reason text NOT NULL CHECK (length(btrim(reason)) BETWEEN 10 AND 4000),
    decided_by uuid NOT NULL,
    decided_name text NOT NULL CHECK (length(btrim(decided_name)) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, interview_id) REFERENCES interviews (tenant_id, id),
    FOREIGN KEY (tenant_id, decided_by) REFERENCES users (tenant_id, id)
);
CREATE INDEX decisions_by_interview ON decisions (interview_id, created_at);

CREATE TABLE consents (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    interview_id uuid NOT NULL,
    candidate_id uuid NOT NULL,
    text_version text NOT NULL,
    text_sha256 text NOT NULL,
    locale text NOT NULL,
    given boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (tenant_id, interview_id) REFERENCES interviews (tenant_id, id),
    FOREIGN KEY (tenant_id, candidate_id) REFERENCES candidates (tenant_id, id)
);
CREATE INDEX consents_by_interview ON consents (interview_id, created_at);

CREATE TABLE accommodations (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    interview_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('extra_time', 'alternative_process')),
    note text NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    status text NOT NULL DEFAULT 'asked' CHECK (status IN ('asked', 'granted', 'declined')),
    extra_minutes integer NOT NULL DEFAULT 0 CHECK (extra_minutes BETWEEN 0 AND 120),
    answered_by uuid,
    answer_reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    answered_at timestamptz,
    FOREIGN KEY (tenant_id, interview_id) REFERENCES interviews (tenant_id, id),
    FOREIGN KEY (tenant_id, answered_by) REFERENCES users (tenant_id, id)
);
CREATE INDEX accommodations_by_interview ON accommodations (interview_id);

CREATE TABLE audit_log (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    actor text NOT NULL,  -- user:<id>, candidate:<id> or system:<room>
    action text NOT NULL,
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_log_by_subject ON audit_log (tenant_id, subject_kind, subject_id, id);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    lane text NOT NULL CHECK (lane IN ('premium', 'active', 'bulk', 'again')),
    envelope text NOT NULL,
    not_before timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_in_order ON outbox (id);

-- Jobs under way: an attempt is counted before its work begins, because a job that kills its
-- worker is delivered again for ever. The row goes when the job has ended.
CREATE TABLE job_runs (
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    attempts integer NOT NULL DEFAULT 1,
    lease_until timestamptz NOT NULL,  -- renewed while the worker lives
    fault text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, subject_id)
);

CREATE TABLE model_ledger (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    session_id uuid,
    interview_id uuid,
    task text NOT NULL,
    tier text NOT NULL,
    engine text NOT NULL,
    model text NOT NULL,
    prompt_version text NOT NULL DEFAULT '',
    tokens_in integer NOT NULL DEFAULT 0,
    tokens_out integer NOT NULL DEFAULT 0,
    tokens_cache_write integer NOT NULL DEFAULT 0,
    tokens_cache_read integer NOT NULL DEFAULT 0,
    micro_usd bigint NOT NULL DEFAULT 0,
    upper_bound boolean NOT NULL DEFAULT false,  -- a cut call: usage unknown, booked at its bound
    outcome text NOT NULL,
    latency_ms integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX model_ledger_by_day ON model_ledger (tenant_id, created_at);
CREATE INDEX model_ledger_by_session ON model_ledger (session_id);

-- Months ---------------------------------------------------------------------------------
-- Bounds carry their offset: without it they move with the session's time zone.

CREATE TABLE interview_sessions_default PARTITION OF interview_sessions DEFAULT;
ALTER TABLE interview_sessions_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE interview_sessions_default FORCE ROW LEVEL SECURITY;

CREATE FUNCTION ensure_months(ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month timestamp;
    made integer := 0;
    name text;
BEGIN
    IF ahead NOT BETWEEN 0 AND 36 THEN
        RAISE EXCEPTION 'ahead must be 0 to 36 months';
    END IF;
    PERFORM pg_advisory_xact_lock(7341002);
    FOR month IN
        SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'),
                               date_trunc('month', now() AT TIME ZONE 'UTC')
                                   + make_interval(months => ahead), '1 month')
    LOOP
        name := 'interview_sessions_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL;
        EXECUTE format(
            'CREATE TABLE public.%I PARTITION OF public.interview_sessions '
            'FOR VALUES FROM (%L) TO (%L)',
            name, to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00',
            to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
        EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', name);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION ensure_months(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ensure_months(integer) TO entrevistador_sweep;
SELECT ensure_months(3);

-- Row-level security -----------------------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY[
        'users', 'openings', 'candidates', 'cvs', 'cv_texts', 'profiles', 'embeddings', 'matches',
        'interviews', 'interview_sessions', 'turns', 'asks', 'reports', 'decisions', 'consents',
        'accommodations', 'audit_log', 'outbox', 'job_runs', 'model_ledger']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO entrevistador_app '
                       'USING (tenant_id = current_tenant()) '
                       'WITH CHECK (tenant_id = current_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO entrevistador_app', t);
    END LOOP;
    ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
    ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON tenants TO entrevistador_app
        USING (id = current_tenant()) WITH CHECK (id = current_tenant());
    GRANT SELECT, UPDATE ON tenants TO entrevistador_app;

    FOREACH t IN ARRAY ARRAY[
        'users', 'openings', 'candidates', 'cvs', 'cv_texts', 'profiles', 'embeddings', 'matches',
        'interviews', 'interview_sessions', 'reports', 'accommodations', 'job_runs', 'model_ledger']
    LOOP
        EXECUTE format('GRANT UPDATE ON %I TO entrevistador_app', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['cv_texts', 'profiles', 'embeddings', 'matches', 'job_runs'] LOOP
        EXECUTE format('GRANT DELETE ON %I TO entrevistador_app', t);
    END LOOP;
END $$;

-- Named powers across tenants, each as narrow as its job: roles without BYPASSRLS.
CREATE POLICY relay ON outbox TO entrevistador_relay USING (true);
GRANT SELECT, DELETE, UPDATE ON outbox TO entrevistador_relay;

CREATE POLICY sweep ON cvs FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON interviews FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON reports FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON openings FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON embeddings FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON job_runs FOR SELECT TO entrevistador_sweep USING (true);
GRANT SELECT (id, tenant_id, status, version, updated_at) ON openings TO entrevistador_sweep;
GRANT SELECT (owner_kind, owner_id, tenant_id, version) ON embeddings TO entrevistador_sweep;
GRANT SELECT ON job_runs TO entrevistador_sweep;
CREATE POLICY sweep ON outbox TO entrevistador_sweep USING (true) WITH CHECK (true);
GRANT SELECT (id, tenant_id, status, stage, stage_at, lane, created_at) ON cvs
    TO entrevistador_sweep;
GRANT SELECT (id, tenant_id, status, finished_at, erased) ON interviews TO entrevistador_sweep;
GRANT SELECT (interview_id, tenant_id, status, created_at) ON reports TO entrevistador_sweep;
GRANT SELECT ON outbox TO entrevistador_sweep;
GRANT INSERT ON outbox TO entrevistador_sweep;

CREATE POLICY fleet ON interview_sessions FOR SELECT TO entrevistador_fleet USING (true);
CREATE POLICY fleet ON cvs FOR SELECT TO entrevistador_fleet USING (true);
CREATE POLICY fleet ON model_ledger FOR SELECT TO entrevistador_fleet USING (true);
CREATE POLICY fleet ON interviews FOR SELECT TO entrevistador_fleet USING (true);
GRANT SELECT (id, created_at, tenant_id, status, instance_id, updated_at, turns_done, finished_at)
    ON interview_sessions TO entrevistador_fleet;
GRANT SELECT (id, tenant_id, lane, status, stage, bytes, confirmed_at, stage_at, created_at)
    ON cvs TO entrevistador_fleet;
GRANT SELECT ON model_ledger TO entrevistador_fleet;
GRANT SELECT (id, tenant_id, status, created_at, started_at, finished_at, minutes)
    ON interviews TO entrevistador_fleet;

-- The definer: owns the few functions below, cannot log in, cannot bypass row-level security.
CREATE POLICY definer ON tenants FOR SELECT TO entrevistador_definer USING (true);
CREATE POLICY definer ON openings FOR SELECT TO entrevistador_definer
    USING (status = 'open' OR tenant_id = current_tenant());
CREATE POLICY definer ON interview_sessions TO entrevistador_definer
    USING (true) WITH CHECK (true);
CREATE POLICY definer ON turns TO entrevistador_definer USING (true) WITH CHECK (true);
CREATE POLICY definer ON asks TO entrevistador_definer USING (true) WITH CHECK (true);
GRANT SELECT ON tenants, openings TO entrevistador_definer;
GRANT SELECT, UPDATE ON interview_sessions TO entrevistador_definer;
GRANT SELECT, INSERT, UPDATE, DELETE ON turns, asks TO entrevistador_definer;

-- Public pages: only what is published, and no id of a tenant goes out.
CREATE FUNCTION public_company(p_slug text)
    RETURNS TABLE (slug text, name text, about text, website text, updated_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.slug, t.name, t.about, t.website, t.updated_at FROM tenants t WHERE t.slug = p_slug
$$;

CREATE FUNCTION public_openings(p_slug text, p_after uuid, p_limit integer)
    RETURNS TABLE (id uuid, title text, category text, location text, description text,
                   must_have jsonb, nice_to_have jsonb, seniority text, language text,
                   updated_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.id, o.title, o.category, o.location, o.description, o.must_have, o.nice_to_have,
           o.seniority, o.language, o.updated_at
    FROM openings o JOIN tenants t ON t.id = o.tenant_id
    WHERE t.slug = p_slug AND o.status = 'open' AND (p_after IS NULL OR o.id < p_after)
    ORDER BY o.id DESC LIMIT least(greatest(p_limit, 1), 200)
$$;

-- One call may keep the turns of several sessions in one commit: each row's tenant and fence are
-- checked against its session's row, which is locked in id order and skipped when locked.
-- outcome: saved | duplicate | turn_answered | fence_lost | wrong_turn | locked | finished
CREATE FUNCTION save_turns(p_rows jsonb)
    RETURNS TABLE (session_id uuid, turn integer, outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    r record;
    s record;
    had record;
BEGIN
    FOR r IN
        SELECT x.* FROM jsonb_to_recordset(p_rows) AS x(
            tenant_id uuid, session_id uuid, created_at timestamptz, fence bigint, turn integer,
            ask integer, competency text, level text, kind text, engine text, question text,
            answer text, client_msg_id text, seconds double precision, state jsonb,
            next_ask integer, directive jsonb)
        ORDER BY x.session_id
    LOOP
        session_id := r.session_id;
        turn := r.turn;
        SELECT v.tenant_id, v.interview_id, v.fence, v.turns_done, v.status INTO s
            FROM interview_sessions v
            WHERE v.id = r.session_id AND v.created_at = r.created_at
                AND v.tenant_id = r.tenant_id
            FOR NO KEY UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            outcome := CASE WHEN EXISTS (
                SELECT 1 FROM interview_sessions v WHERE v.id = r.session_id
                    AND v.created_at = r.created_at AND v.tenant_id = r.tenant_id)
                THEN 'locked' ELSE 'fence_lost' END;
            RETURN NEXT;
            CONTINUE;
        END IF;
        SELECT t.turn INTO had FROM turns t
            WHERE t.session_id = r.session_id AND t.client_msg_id = r.client_msg_id;
        IF FOUND THEN
            outcome := CASE WHEN had.turn = r.turn THEN 'duplicate' ELSE 'wrong_turn' END;
        ELSIF s.fence <> r.fence THEN
            outcome := 'fence_lost';
        ELSIF s.status = 'finished' THEN
            outcome := 'finished';
        ELSIF s.turns_done >= r.turn THEN
            outcome := 'turn_answered';
        ELSIF s.turns_done <> r.turn - 1 THEN
            outcome := 'wrong_turn';
        ELSE
            INSERT INTO turns (session_id, turn, tenant_id, interview_id, fence, ask, competency,
                               level, kind, engine, question, answer, client_msg_id, seconds)
                VALUES (r.session_id, r.turn, s.tenant_id, s.interview_id, r.fence, r.ask,
                        r.competency, r.level, r.kind, r.engine, r.question, r.answer,
                        r.client_msg_id, coalesce(r.seconds, 0));
            UPDATE interview_sessions v
                SET turns_done = r.turn, state = r.state, updated_at = now()
                WHERE v.id = r.session_id AND v.created_at = r.created_at;
            IF r.next_ask IS NOT NULL THEN
                INSERT INTO asks (session_id, turn, ask, tenant_id, fence, directive)
                    VALUES (r.session_id, r.turn + 1, r.next_ask, s.tenant_id, r.fence,
                            r.directive)
                    ON CONFLICT DO NOTHING;
            END IF;
            outcome := 'saved';
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- Companies are founded by the database's owner, who is a member of the definer, and nobody else.
CREATE POLICY founder ON tenants FOR INSERT TO entrevistador_definer WITH CHECK (true);
GRANT INSERT ON tenants TO entrevistador_definer;
CREATE FUNCTION found_company(p_id uuid, p_slug text, p_name text, p_about text, p_website text,
                              p_locale text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO tenants (id, slug, name, about, website, locale)
        VALUES (p_id, p_slug, p_name, p_about, p_website, p_locale)
        ON CONFLICT DO NOTHING;
    RETURN (SELECT t.id FROM tenants t WHERE t.slug = p_slug);
END $$;
REVOKE ALL ON FUNCTION found_company(uuid, text, text, text, text, text) FROM PUBLIC;

REVOKE ALL ON FUNCTION public_company(text), public_openings(text, uuid, integer),
    save_turns(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public_company(text), public_openings(text, uuid, integer),
    save_turns(jsonb) TO entrevistador_app;
GRANT EXECUTE ON FUNCTION current_tenant() TO PUBLIC;

-- The law: one function erases a person, keeping rows whose counts matter but no words of theirs.
CREATE POLICY eraser ON candidates TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON cvs TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON cv_texts TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON profiles TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON embeddings TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON matches TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON interviews TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON interview_sessions TO entrevistador_eraser
    USING (tenant_id = current_tenant());
CREATE POLICY eraser ON turns TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON reports TO entrevistador_eraser USING (tenant_id = current_tenant());
CREATE POLICY eraser ON accommodations TO entrevistador_eraser
    USING (tenant_id = current_tenant());
GRANT SELECT, UPDATE, DELETE ON candidates, cvs, cv_texts, profiles, embeddings, matches,
    interviews, interview_sessions, turns, reports, accommodations TO entrevistador_eraser;

CREATE FUNCTION erase_candidate(p_candidate uuid) RETURNS TABLE (object_key text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT c.object_key FROM cvs c WHERE c.candidate_id = p_candidate;
    DELETE FROM embeddings e USING cvs c
        WHERE e.owner_kind = 'cv' AND e.owner_id = c.id AND c.candidate_id = p_candidate;
    DELETE FROM matches m USING cvs c WHERE m.cv_id = c.id AND c.candidate_id = p_candidate;
    DELETE FROM profiles p WHERE p.candidate_id = p_candidate;
    DELETE FROM cv_texts x USING cvs c WHERE x.cv_id = c.id AND c.candidate_id = p_candidate;
    UPDATE cvs c SET status = 'erased', filename = '', fault_detail = '', sha256 = '',
        object_key = '' WHERE c.candidate_id = p_candidate;
    UPDATE turns t SET question = '', answer = '' FROM interviews i
        WHERE t.interview_id = i.id AND i.candidate_id = p_candidate;
    UPDATE interview_sessions s SET state = '{}', status = 'finished', fence = s.fence + 1
        FROM interviews i WHERE s.interview_id = i.id AND i.candidate_id = p_candidate;
    DELETE FROM reports r USING interviews i
        WHERE r.interview_id = i.id AND i.candidate_id = p_candidate;
    UPDATE accommodations a SET note = '' FROM interviews i
        WHERE a.interview_id = i.id AND i.candidate_id = p_candidate;
    UPDATE interviews i SET plan = '{}',
        status = CASE WHEN i.status = 'finished' THEN 'finished' ELSE 'withdrawn' END,
        invitation = i.invitation + 1 WHERE i.candidate_id = p_candidate;
    UPDATE candidates c SET name = '', email = '', phone = '', erased_at = now()
        WHERE c.id = p_candidate;
END $$;
REVOKE ALL ON FUNCTION erase_candidate(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_candidate(uuid) TO entrevistador_app;

-- Ownership goes to roles that may do just this much. The schema right is lent for the hand-over.
GRANT CREATE ON SCHEMA public TO entrevistador_definer, entrevistador_eraser;
ALTER FUNCTION found_company(uuid, text, text, text, text, text) OWNER TO entrevistador_definer;
ALTER FUNCTION public_company(text) OWNER TO entrevistador_definer;
ALTER FUNCTION public_openings(text, uuid, integer) OWNER TO entrevistador_definer;
ALTER FUNCTION save_turns(jsonb) OWNER TO entrevistador_definer;
ALTER FUNCTION erase_candidate(uuid) OWNER TO entrevistador_eraser;
REVOKE CREATE ON SCHEMA public FROM entrevistador_definer, entrevistador_eraser;
