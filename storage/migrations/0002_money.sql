-- Money: what a line of the ledger was for, limits of a company, and accounts while Redis is away.

ALTER TABLE model_ledger
    ADD COLUMN attempt text NOT NULL DEFAULT '',  -- the name it was reserved under, once only
    ADD COLUMN turn integer,
    ADD COLUMN ask integer,
    ADD COLUMN urgency text NOT NULL DEFAULT '',
    ADD COLUMN hedge boolean NOT NULL DEFAULT false,
    ADD COLUMN batch boolean NOT NULL DEFAULT false,
    ADD COLUMN request_id text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX model_ledger_attempt ON model_ledger (tenant_id, attempt) WHERE attempt <> '';
CREATE INDEX asks_by_time ON asks (tenant_id, created_at);

-- A company's own limits in micro-dollars; 0 = none. Without a row the settings' hold.
CREATE TABLE model_budgets (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    session_micro_usd bigint NOT NULL CHECK (session_micro_usd >= 0),
    day_micro_usd bigint NOT NULL CHECK (day_micro_usd >= 0),
    month_micro_usd bigint NOT NULL CHECK (month_micro_usd >= 0),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- What is reserved and spent while Redis is away; stale rows are made anew from the ledger.
CREATE TABLE model_accounts (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    account text NOT NULL,
    used bigint NOT NULL,
    touched_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, account)
);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['model_budgets', 'model_accounts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO entrevistador_app '
                       'USING (tenant_id = current_tenant()) '
                       'WITH CHECK (tenant_id = current_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO entrevistador_app', t);
    END LOOP;
END $$;
CREATE POLICY fleet ON model_budgets FOR SELECT TO entrevistador_fleet USING (true);
GRANT SELECT ON model_budgets TO entrevistador_fleet;
