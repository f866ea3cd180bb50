-- Contacts with patients in danger, until a clinician records how they ended.
CREATE TABLE safety_contact (
    tenant_id     TEXT NOT NULL REFERENCES tenant,
    document_id   TEXT NOT NULL,
    patient_id    TEXT NOT NULL,
    parent_id     TEXT NULL,
    exclusive_key TEXT NULL,
    status        TEXT NOT NULL,
    body          JSONB NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
);
CREATE INDEX safety_contact_by_patient ON safety_contact (tenant_id, patient_id, created_at, document_id);
CREATE INDEX safety_contact_by_status ON safety_contact (tenant_id, status, created_at, document_id);
CREATE TRIGGER safety_contact_frozen BEFORE INSERT OR UPDATE ON safety_contact
    FOR EACH ROW EXECUTE FUNCTION refuse_frozen();
ALTER TABLE safety_contact ENABLE ROW LEVEL SECURITY;
ALTER TABLE safety_contact FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON safety_contact USING (current_setting('xinglin.tenant', TRUE) IN (tenant_id, '*'));
