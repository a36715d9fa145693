-- Evaluations that can wait: who waits, the batches that are to be or are, and when to look again.

-- What an opening's reports are worth: at once, at half the price later, or as the house has it.
ALTER TABLE openings ADD COLUMN reports text NOT NULL DEFAULT 'default'
    CHECK (reports IN ('default', 'now', 'wait'));

-- Written down before the provider is asked, with the ids that its answers will carry.
CREATE TABLE evaluation_batches (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    tier text NOT NULL,
    prompt_version text NOT NULL,
    number text NOT NULL DEFAULT '',  -- the provider's; empty until it is known
    begun_at timestamptz NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT now(),
    cancelled boolean NOT NULL DEFAULT false,
    UNIQUE (tenant_id, id)
);

-- One interview whose report waits, until its answer is booked and the report kept.
CREATE TABLE evaluations_waiting (
    interview_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    batch_id uuid,  -- the batch that it was handed in with
    custom_id text NOT NULL DEFAULT '',  -- its name there, and in the ledger
    tries integer NOT NULL DEFAULT 0,  -- batches that it was in and that were never made
    direct boolean NOT NULL DEFAULT false,  -- it is evaluated at once after all
    why text NOT NULL DEFAULT '',  -- asked, or the fault that made it direct
    queued_at timestamptz NOT NULL DEFAULT now(),
    expected_at timestamptz NOT NULL,
    FOREIGN KEY (tenant_id, interview_id) REFERENCES interviews (tenant_id, id),
    FOREIGN KEY (tenant_id, batch_id) REFERENCES evaluation_batches (tenant_id, id)
        ON DELETE SET NULL (batch_id)
);
CREATE INDEX evaluations_waiting_by_batch ON evaluations_waiting (batch_id);
CREATE INDEX evaluations_waiting_in_order ON evaluations_waiting (tenant_id, queued_at)
    WHERE batch_id IS NULL AND NOT direct;

-- One row for each company that has something to hand in or to look at; the sweep finds late ones.
CREATE TABLE evaluation_rounds (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    due_at timestamptz NOT NULL
);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['evaluation_batches', 'evaluations_waiting', 'evaluation_rounds'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO entrevistador_app '
                       'USING (tenant_id = current_tenant()) '
                       'WITH CHECK (tenant_id = current_tenant())', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO entrevistador_app', t);
    END LOOP;
END $$;
CREATE POLICY sweep ON evaluations_waiting FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON evaluation_rounds FOR SELECT TO entrevistador_sweep USING (true);
GRANT SELECT (interview_id, tenant_id, direct) ON evaluations_waiting TO entrevistador_sweep;
GRANT SELECT ON evaluation_rounds TO entrevistador_sweep;
