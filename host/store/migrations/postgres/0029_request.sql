-- Requests of pathways, each followed to its end.
CREATE TABLE request (
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
CREATE INDEX request_by_patient ON request (tenant_id, patient_id, created_at, document_id);
CREATE INDEX request_by_parent ON request (tenant_id, parent_id, created_at, document_id);
CREATE INDEX request_by_status ON request (tenant_id, status, created_at, document_id);
CREATE TRIGGER request_frozen BEFORE INSERT OR UPDATE ON request
    FOR EACH ROW EXECUTE FUNCTION refuse_frozen();
ALTER TABLE request ENABLE ROW LEVEL SECURITY;
ALTER TABLE request FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON request USING (current_setting('xinglin.tenant', TRUE) IN (tenant_id, '*'));
