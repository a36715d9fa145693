-- What an opening's sentences ask for, thresholds of companies' money, and who may look them up.

-- Requirements that only the description names: literal passages of it, found for this text.
ALTER TABLE openings ADD COLUMN described jsonb NOT NULL DEFAULT '[]';

-- A threshold that was crossed, once for each period and limit, whoever saw it first.
CREATE TABLE budget_alerts (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    account text NOT NULL,  -- session, day or month
    period text NOT NULL,  -- the session's id, 2026-11-24 or 2026-11
    percent integer NOT NULL,
    used_micro_usd bigint NOT NULL,
    limit_micro_usd bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,  -- when the operator's receiver took it
    UNIQUE (tenant_id, account, period, percent, limit_micro_usd)
);

ALTER TABLE budget_alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE budget_alerts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON budget_alerts TO entrevistador_app
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON budget_alerts TO entrevistador_app;

-- Operators name a company by its slug; what they set, they set as the application.
CREATE FUNCTION company_id(p_slug text) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.id FROM tenants t WHERE t.slug = p_slug
$$;
REVOKE ALL ON FUNCTION company_id(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION company_id(text) TO entrevistador_fleet;
GRANT CREATE ON SCHEMA public TO entrevistador_definer;
ALTER FUNCTION company_id(text) OWNER TO entrevistador_definer;
REVOKE CREATE ON SCHEMA public FROM entrevistador_definer;
