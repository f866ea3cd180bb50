-- Who belongs to a patient: guardians, family, whom to call. Their names are in the
-- record (RelatedPerson), where they are sealed.
CREATE TABLE relation (
    tenant_id    TEXT   NOT NULL,
    relation_id  TEXT   NOT NULL,
    patient_id   TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    body         JSONB  NOT NULL,
    confirmed_at BIGINT NOT NULL,
    revoked_at   BIGINT NULL,
    PRIMARY KEY (tenant_id, relation_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
);
CREATE INDEX relation_by_patient ON relation (tenant_id, patient_id);
CREATE INDEX relation_by_account ON relation (tenant_id, account_id);

-- What was written, in the order of writing: of everything, and of one type.
CREATE INDEX resource_by_time ON resource (tenant_id, last_updated, resource_type, resource_id);
CREATE INDEX resource_history_by_time ON resource_history (tenant_id, last_updated, resource_type, resource_id);
CREATE INDEX resource_history_by_update ON resource_history (tenant_id, resource_type, last_updated, resource_id);

-- Patients who were erased when the time of their records had come. Only their rows go.
CREATE TABLE erasure (
    tenant_id  TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    erased_at  BIGINT NOT NULL,
    erased_by  TEXT   NOT NULL,
    -- How much of what went.
    body       JSONB  NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, erased_at)
);
CREATE TRIGGER erasure_grows BEFORE UPDATE OR DELETE ON erasure
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER erasure_stays BEFORE TRUNCATE ON erasure
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Attachments whose rows are gone and whose bytes are still to go.
CREATE TABLE erased_file (
    tenant_id TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, sha256)
);

CREATE FUNCTION refuse_unerased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM erasure e
                                    WHERE e.tenant_id = OLD.tenant_id AND e.patient_id = OLD.patient_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;

DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['resource_history', 'identity_disclosure']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_grows', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION '
                       'refuse_unerased()', name || '_grows', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['resource_label', 'consent', 'broken_glass']
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name || '_stays', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_unerased()',
                       name || '_stays', name);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION visit_message_check_purge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.created_at >= COALESCE(
        (SELECT MAX(before_at) FROM visit_message_purge p WHERE p.tenant_id = OLD.tenant_id), 0)
       AND NOT EXISTS (SELECT 1 FROM encounter v JOIN erasure e USING (tenant_id, patient_id)
                       WHERE v.tenant_id = OLD.tenant_id AND v.document_id = OLD.encounter_id) THEN
        RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$;

-- Hospitals whose records are in another's custody: nothing is written to them any more
-- but who read them, who signs in, and what patients consent to.
CREATE TABLE frozen_tenant (
    tenant_id TEXT   NOT NULL PRIMARY KEY,
    frozen_at BIGINT NOT NULL
);

-- Whose records went into whose custody. Two rows, one with each.
CREATE TABLE custody (
    tenant_id    TEXT   NOT NULL,
    source_id    TEXT   NOT NULL,
    custodian_id TEXT   NOT NULL,
    body         JSONB  NOT NULL,
    started_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, source_id)
);

CREATE FUNCTION refuse_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id) THEN
        RAISE EXCEPTION 'the tenant is frozen' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['custody', 'frozen_tenant']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
                       name || '_grows', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_stays', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['resource', 'encounter', 'prescription', 'bill', 'enrolment', 'prescription_use',
                           'trace_code', 'task', 'alert', 'hold', 'message', 'payment_operation',
                           'coverage', 'ledger_posting', 'ledger_transaction', 'tape', 'outbox', 'broken_glass',
                           'relation', 'blob', 'visit_message', 'subscription', 'export_job', 'identity_disclosure',
                           'plugin_install', 'plugin_kv', 'plugin_secret', 'real_name', 'shadow_call']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_frozen()',
                       name || '_frozen', name);
    END LOOP;
END $$;

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['relation', 'erasure', 'erased_file', 'frozen_tenant', 'custody']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
