-- Contacts with patients in danger, until a clinician records how they ended.
CREATE TABLE safety_contact (
    tenant_id     TEXT NOT NULL REFERENCES tenant,
    document_id   TEXT NOT NULL,
    patient_id    TEXT NOT NULL,
    parent_id     TEXT NULL,
    exclusive_key TEXT NULL,
    status        TEXT NOT NULL,
    body          TEXT NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
) STRICT;
CREATE INDEX safety_contact_by_patient ON safety_contact (tenant_id, patient_id, created_at, document_id);
CREATE INDEX safety_contact_by_status ON safety_contact (tenant_id, status, created_at, document_id);
CREATE TRIGGER safety_contact_frozen_insert BEFORE INSERT ON safety_contact
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER safety_contact_frozen_update BEFORE UPDATE ON safety_contact
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
