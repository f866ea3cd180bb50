-- What clinicians order beside medicines, with what bills have taken of it.
CREATE TABLE item_order (
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
CREATE INDEX item_order_by_patient ON item_order (tenant_id, patient_id, created_at, document_id);
CREATE INDEX item_order_by_parent ON item_order (tenant_id, parent_id, created_at, document_id);
CREATE TRIGGER item_order_frozen BEFORE INSERT OR UPDATE ON item_order
    FOR EACH ROW EXECUTE FUNCTION refuse_frozen();
ALTER TABLE item_order ENABLE ROW LEVEL SECURITY;
ALTER TABLE item_order FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON item_order USING (current_setting('xinglin.tenant', TRUE) IN (tenant_id, '*'));
