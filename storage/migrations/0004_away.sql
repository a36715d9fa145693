-- Interviews whose candidate never came back: found by the sweep, closed by the application's role.

CREATE POLICY sweep ON interview_sessions FOR SELECT TO entrevistador_sweep USING (true);
CREATE POLICY sweep ON consents FOR SELECT TO entrevistador_sweep USING (true);
GRANT SELECT (id, created_at, tenant_id, interview_id, status, updated_at) ON interview_sessions
    TO entrevistador_sweep;
GRANT SELECT (id, created_at, interview_id, given) ON consents TO entrevistador_sweep;
