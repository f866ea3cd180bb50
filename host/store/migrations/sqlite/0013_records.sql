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

-- Patients who were erased when the time of their records had come. Only their rows go.
CREATE TABLE erasure (
    tenant_id  TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    erased_at  INTEGER NOT NULL,
    erased_by  TEXT    NOT NULL,
    -- How much of what went.
    body       TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, erased_at)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER erasure_grows BEFORE UPDATE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasure only grows'); END;
CREATE TRIGGER erasure_stays BEFORE DELETE ON erasure
BEGIN SELECT RAISE(ABORT, 'erasure only grows'); END;

-- Attachments whose rows are gone and whose bytes are still to go.
CREATE TABLE erased_file (
    tenant_id TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, sha256)
) STRICT, WITHOUT ROWID;

DROP TRIGGER resource_history_stays;
CREATE TRIGGER resource_history_stays BEFORE DELETE ON resource_history
WHEN NOT EXISTS (SELECT 1 FROM erasure e WHERE e.tenant_id = OLD.tenant_id AND e.patient_id = OLD.patient_id)
BEGIN SELECT RAISE(ABORT, 'resource_history only grows'); END;
DROP TRIGGER resource_label_stays;
CREATE TRIGGER resource_label_stays BEFORE DELETE ON resource_label
WHEN NOT EXISTS (SELECT 1 FROM erasure e WHERE e.tenant_id = OLD.tenant_id AND e.patient_id = OLD.patient_id)
BEGIN SELECT RAISE(ABORT, 'resource_label only grows'); END;
DROP TRIGGER consent_stays;
CREATE TRIGGER consent_stays BEFORE DELETE ON consent
WHEN NOT EXISTS (SELECT 1 FROM erasure e WHERE e.tenant_id = OLD.tenant_id AND e.patient_id = OLD.patient_id)
BEGIN SELECT RAISE(ABORT, 'consent only grows'); END;
DROP TRIGGER broken_glass_stays;
CREATE TRIGGER broken_glass_stays BEFORE DELETE ON broken_glass
WHEN NOT EXISTS (SELECT 1 FROM erasure e WHERE e.tenant_id = OLD.tenant_id AND e.patient_id = OLD.patient_id)
BEGIN SELECT RAISE(ABORT, 'broken_glass only grows'); END;
DROP TRIGGER identity_disclosure_stays;
CREATE TRIGGER identity_disclosure_stays BEFORE DELETE ON identity_disclosure
WHEN NOT EXISTS (SELECT 1 FROM erasure e WHERE e.tenant_id = OLD.tenant_id AND e.patient_id = OLD.patient_id)
BEGIN SELECT RAISE(ABORT, 'identity_disclosure only grows'); END;
DROP TRIGGER visit_message_stays;
CREATE TRIGGER visit_message_stays BEFORE DELETE ON visit_message
WHEN OLD.created_at >= COALESCE(
        (SELECT MAX(before_at) FROM visit_message_purge p WHERE p.tenant_id = OLD.tenant_id), 0)
    AND NOT EXISTS (SELECT 1 FROM encounter v JOIN erasure e USING (tenant_id, patient_id)
                    WHERE v.tenant_id = OLD.tenant_id AND v.document_id = OLD.encounter_id)
BEGIN SELECT RAISE(ABORT, 'visit_message only grows'); END;

-- Hospitals whose records are in another's custody: nothing is written to them any more
-- but who read them, who signs in, and what patients consent to.
CREATE TABLE frozen_tenant (
    tenant_id TEXT    NOT NULL PRIMARY KEY,
    frozen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose records went into whose custody. Two rows, one with each.
CREATE TABLE custody (
    tenant_id    TEXT    NOT NULL,
    source_id    TEXT    NOT NULL,
    custodian_id TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    started_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, source_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER custody_grows BEFORE UPDATE ON custody
BEGIN SELECT RAISE(ABORT, 'custody only grows'); END;
CREATE TRIGGER custody_stays BEFORE DELETE ON custody
BEGIN SELECT RAISE(ABORT, 'custody only grows'); END;
CREATE TRIGGER frozen_tenant_stays BEFORE DELETE ON frozen_tenant
BEGIN SELECT RAISE(ABORT, 'frozen_tenant only grows'); END;

CREATE TRIGGER resource_frozen_insert BEFORE INSERT ON resource
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER resource_frozen_update BEFORE UPDATE ON resource
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER encounter_frozen_insert BEFORE INSERT ON encounter
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER encounter_frozen_update BEFORE UPDATE ON encounter
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER prescription_frozen_insert BEFORE INSERT ON prescription
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER prescription_frozen_update BEFORE UPDATE ON prescription
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER bill_frozen_insert BEFORE INSERT ON bill
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER bill_frozen_update BEFORE UPDATE ON bill
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER enrolment_frozen_insert BEFORE INSERT ON enrolment
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER enrolment_frozen_update BEFORE UPDATE ON enrolment
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER prescription_use_frozen_insert BEFORE INSERT ON prescription_use
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER prescription_use_frozen_update BEFORE UPDATE ON prescription_use
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER trace_code_frozen_insert BEFORE INSERT ON trace_code
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER trace_code_frozen_update BEFORE UPDATE ON trace_code
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER task_frozen_insert BEFORE INSERT ON task
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER task_frozen_update BEFORE UPDATE ON task
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER alert_frozen_insert BEFORE INSERT ON alert
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER alert_frozen_update BEFORE UPDATE ON alert
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER hold_frozen_insert BEFORE INSERT ON hold
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER hold_frozen_update BEFORE UPDATE ON hold
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER message_frozen_insert BEFORE INSERT ON message
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER message_frozen_update BEFORE UPDATE ON message
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER payment_operation_frozen_insert BEFORE INSERT ON payment_operation
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER payment_operation_frozen_update BEFORE UPDATE ON payment_operation
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER coverage_frozen_insert BEFORE INSERT ON coverage
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER coverage_frozen_update BEFORE UPDATE ON coverage
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER ledger_posting_frozen_insert BEFORE INSERT ON ledger_posting
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER ledger_posting_frozen_update BEFORE UPDATE ON ledger_posting
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER ledger_transaction_frozen_insert BEFORE INSERT ON ledger_transaction
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER ledger_transaction_frozen_update BEFORE UPDATE ON ledger_transaction
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER tape_frozen_insert BEFORE INSERT ON tape
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER tape_frozen_update BEFORE UPDATE ON tape
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER outbox_frozen_insert BEFORE INSERT ON outbox
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER outbox_frozen_update BEFORE UPDATE ON outbox
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER broken_glass_frozen_insert BEFORE INSERT ON broken_glass
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER broken_glass_frozen_update BEFORE UPDATE ON broken_glass
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER relation_frozen_insert BEFORE INSERT ON relation
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER relation_frozen_update BEFORE UPDATE ON relation
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER blob_frozen_insert BEFORE INSERT ON blob
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER blob_frozen_update BEFORE UPDATE ON blob
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER visit_message_frozen_insert BEFORE INSERT ON visit_message
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER visit_message_frozen_update BEFORE UPDATE ON visit_message
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER subscription_frozen_insert BEFORE INSERT ON subscription
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER subscription_frozen_update BEFORE UPDATE ON subscription
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER export_job_frozen_insert BEFORE INSERT ON export_job
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER export_job_frozen_update BEFORE UPDATE ON export_job
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER identity_disclosure_frozen_insert BEFORE INSERT ON identity_disclosure
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER identity_disclosure_frozen_update BEFORE UPDATE ON identity_disclosure
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER plugin_install_frozen_insert BEFORE INSERT ON plugin_install
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER plugin_install_frozen_update BEFORE UPDATE ON plugin_install
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER plugin_kv_frozen_insert BEFORE INSERT ON plugin_kv
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER plugin_kv_frozen_update BEFORE UPDATE ON plugin_kv
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER plugin_secret_frozen_insert BEFORE INSERT ON plugin_secret
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER plugin_secret_frozen_update BEFORE UPDATE ON plugin_secret
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER shadow_call_frozen_insert BEFORE INSERT ON shadow_call
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER shadow_call_frozen_update BEFORE UPDATE ON shadow_call
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER real_name_frozen_insert BEFORE INSERT ON real_name
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER real_name_frozen_update BEFORE UPDATE ON real_name
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
