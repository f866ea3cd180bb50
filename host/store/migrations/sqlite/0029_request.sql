-- Requests of pathways, each followed to its end.
CREATE TABLE request (
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
CREATE INDEX request_by_patient ON request (tenant_id, patient_id, created_at, document_id);
CREATE INDEX request_by_parent ON request (tenant_id, parent_id, created_at, document_id);
CREATE INDEX request_by_status ON request (tenant_id, status, created_at, document_id);
CREATE TRIGGER request_frozen_insert BEFORE INSERT ON request
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER request_frozen_update BEFORE UPDATE ON request
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
