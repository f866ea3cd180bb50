-- What a tenant keeps for a plugin and no plugin sees: secrets, and the private
-- halves of keys. Sealed before it comes here; the store cannot read it.
CREATE TABLE plugin_secret (
    tenant_id  TEXT NOT NULL,
    plugin_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    sealed     BYTEA NOT NULL,
    -- The public half of a key that has one.
    public     BYTEA NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, kind, name)
);

-- Where a plugin had the host send something of who a patient is.
CREATE TABLE identity_disclosure (
    tenant_id     TEXT NOT NULL,
    disclosure_id TEXT NOT NULL,
    patient_id    TEXT NOT NULL,
    plugin_id     TEXT NOT NULL,
    call_id       TEXT NOT NULL,
    field         TEXT NOT NULL,
    host          TEXT NOT NULL,
    disclosed_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, disclosure_id)
);
CREATE INDEX identity_disclosure_by_patient ON identity_disclosure (tenant_id, patient_id, disclosed_at, disclosure_id);

CREATE TRIGGER identity_disclosure_grows BEFORE UPDATE OR DELETE ON identity_disclosure
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER identity_disclosure_stays BEFORE TRUNCATE ON identity_disclosure
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['plugin_secret', 'identity_disclosure']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
