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

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['relation']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
