-- Who may act is proved by certificates. What a certificate says stands with its
-- account; its number stands here, sealed, under a code that is equal for equal numbers
-- of one kind, so that no two accounts hold the same.
CREATE TABLE certificate_number (
    tenant_id  TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    blind      TEXT   NOT NULL,
    account_id TEXT   NOT NULL,
    sealed     BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, kind, blind)
);
CREATE INDEX certificate_number_by_account ON certificate_number (tenant_id, account_id);

-- Whether a patient is who the record says, as it was last decided.
CREATE TABLE real_name (
    tenant_id  TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, patient_id)
);

-- Years of independent clinical work that a hospital asks of its doctors.
ALTER TABLE tenant ADD COLUMN practice_years BIGINT NOT NULL DEFAULT 3;

-- A number with a rank proves nothing of what is asked now.
SET LOCAL xinglin.tenant = '*';
UPDATE account SET credential = credential - 'credentials' WHERE jsonb_typeof(credential) = 'object';

-- The second wall, as in 0001.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['certificate_number', 'real_name'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING (current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END;
$$;
