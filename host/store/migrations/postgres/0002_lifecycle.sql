-- The life of a plugin in a tenant: candidates in the shadow, and recalls.

-- Since when the candidate runs in the shadow, and what it must pass to be promoted.
ALTER TABLE plugin_install ADD COLUMN shadow JSONB NULL;

ALTER TABLE plugin_package ADD COLUMN revoked_by TEXT NULL;
-- Asked with every use of a plugin; the table's rows are as large as packages.
CREATE INDEX plugin_package_recalled ON plugin_package (digest, revoked_at) WHERE revoked_at IS NOT NULL;

-- A call that a candidate was given too. Nothing but this row came of it.
CREATE TABLE shadow_call (
    tenant_id        TEXT    NOT NULL,
    plugin_id        TEXT    NOT NULL,
    candidate_digest TEXT    NOT NULL,
    call_id          TEXT    NOT NULL,
    digest           TEXT    NOT NULL,
    hook             TEXT    NOT NULL,
    outcome          TEXT    NOT NULL CHECK (outcome IN ('same', 'differs', 'inconclusive')),
    compared_at      BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, candidate_digest, call_id)
);

-- What the candidate would have decided otherwise, one row a kind. `decided` and
-- `would_decide` are lists of text.
CREATE TABLE shadow_difference (
    tenant_id        TEXT NOT NULL,
    candidate_digest TEXT NOT NULL,
    call_id          TEXT NOT NULL,
    kind             TEXT NOT NULL,
    decided          JSONB NOT NULL,
    would_decide     JSONB NOT NULL,
    PRIMARY KEY (tenant_id, candidate_digest, call_id, kind),
    FOREIGN KEY (tenant_id, candidate_digest, call_id)
        REFERENCES shadow_call (tenant_id, candidate_digest, call_id) ON DELETE CASCADE
);

DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['shadow_call', 'shadow_difference']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
