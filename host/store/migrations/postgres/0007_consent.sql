-- Which entries of the record fall into a restricted compartment. Once there, an
-- entry stays: its older versions are as restricted as they were.
CREATE TABLE resource_label (
    tenant_id     TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    compartment   TEXT NOT NULL,
    patient_id    TEXT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, compartment)
);
CREATE INDEX resource_label_by_patient ON resource_label (tenant_id, patient_id, resource_type);

CREATE TRIGGER resource_label_stays BEFORE DELETE ON resource_label
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER resource_label_remains BEFORE TRUNCATE ON resource_label
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What patients agreed to.
CREATE TABLE consent (
    tenant_id  TEXT   NOT NULL,
    consent_id TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    given_at   BIGINT NOT NULL,
    revoked_at BIGINT NULL,
    PRIMARY KEY (tenant_id, consent_id)
);
CREATE INDEX consent_by_patient ON consent (tenant_id, patient_id, given_at, consent_id);

CREATE TRIGGER consent_stays BEFORE DELETE ON consent
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER consent_remains BEFORE TRUNCATE ON consent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who saw or changed what: a hash chain, as the tape is. `who` is an account or a
-- plugin.
CREATE TABLE audit_event (
    tenant_id   TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    who         TEXT   NOT NULL,
    act         TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    record      BYTEA  NOT NULL,
    record_hash BYTEA  NOT NULL,
    link        BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
CREATE INDEX audit_event_by_who ON audit_event (tenant_id, who, seq);

CREATE TABLE audit_patient (
    tenant_id  TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, seq)
);

CREATE TABLE audit_head (
    tenant_id TEXT   NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    link      BYTEA  NOT NULL
);

CREATE TRIGGER audit_event_grows BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_event_stays BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_patient_grows BEFORE UPDATE OR DELETE ON audit_patient
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_patient_stays BEFORE TRUNCATE ON audit_patient
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Openings of a compartment in an emergency.
CREATE TABLE broken_glass (
    tenant_id  TEXT   NOT NULL,
    glass_id   TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    opened_at  BIGINT NOT NULL,
    until_at   BIGINT NOT NULL,
    judged_at  BIGINT NULL,
    PRIMARY KEY (tenant_id, glass_id)
);
CREATE INDEX broken_glass_by_patient ON broken_glass (tenant_id, patient_id, account_id, until_at);
CREATE INDEX broken_glass_by_review ON broken_glass (tenant_id, judged_at, opened_at, glass_id);

CREATE TRIGGER broken_glass_stays BEFORE DELETE ON broken_glass
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER broken_glass_remains BEFORE TRUNCATE ON broken_glass
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['resource_label', 'consent', 'audit_event', 'audit_patient', 'audit_head', 'broken_glass']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
