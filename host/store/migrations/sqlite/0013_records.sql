-- Who belongs to a patient: guardians, family, whom to call. Their names are in the
-- record (RelatedPerson), where they are sealed.
CREATE TABLE relation (
    tenant_id    TEXT    NOT NULL,
    relation_id  TEXT    NOT NULL,
    patient_id   TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    confirmed_at INTEGER NOT NULL,
    revoked_at   INTEGER NULL,
    PRIMARY KEY (tenant_id, relation_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX relation_by_patient ON relation (tenant_id, patient_id);
CREATE INDEX relation_by_account ON relation (tenant_id, account_id);

-- What was written, in the order of writing: of everything, and of one type.
CREATE INDEX resource_by_time ON resource (tenant_id, last_updated, resource_type, resource_id);
CREATE INDEX resource_history_by_time ON resource_history (tenant_id, last_updated, resource_type, resource_id);
CREATE INDEX resource_history_by_update ON resource_history (tenant_id, resource_type, last_updated, resource_id);
