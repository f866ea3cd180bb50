-- Who may act is proved by certificates. What a certificate says stands with its
-- account; its number stands here, sealed, under a code that is equal for equal numbers
-- of one kind, so that no two accounts hold the same.
CREATE TABLE certificate_number (
    tenant_id  TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    blind      TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, kind, blind)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_number_by_account ON certificate_number (tenant_id, account_id);

-- Whether a patient is who the record says, as it was last decided.
CREATE TABLE real_name (
    tenant_id  TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, patient_id)
) STRICT, WITHOUT ROWID;

-- Years of independent clinical work that a hospital asks of its doctors.
ALTER TABLE tenant ADD COLUMN practice_years INTEGER NOT NULL DEFAULT 3;

-- A number with a rank proves nothing of what is asked now.
UPDATE account SET credential = json_remove(credential, '$.credentials') WHERE json_type(credential) = 'object';
