-- What a tenant keeps for a plugin and no plugin sees: secrets, and the private
-- halves of keys. Sealed before it comes here; the store cannot read it.
CREATE TABLE plugin_secret (
    tenant_id  TEXT NOT NULL,
    plugin_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    -- The public half of a key that has one.
    public     BLOB NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, kind, name)
) STRICT, WITHOUT ROWID;

-- Where a plugin had the host send something of who a patient is.
CREATE TABLE identity_disclosure (
    tenant_id     TEXT NOT NULL,
    disclosure_id TEXT NOT NULL,
    patient_id    TEXT NOT NULL,
    plugin_id     TEXT NOT NULL,
    call_id       TEXT NOT NULL,
    field         TEXT NOT NULL,
    host          TEXT NOT NULL,
    disclosed_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, disclosure_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_disclosure_by_patient ON identity_disclosure (tenant_id, patient_id, disclosed_at, disclosure_id);

CREATE TRIGGER identity_disclosure_grows BEFORE UPDATE ON identity_disclosure
BEGIN SELECT RAISE(ABORT, 'identity_disclosure only grows'); END;
CREATE TRIGGER identity_disclosure_stays BEFORE DELETE ON identity_disclosure
BEGIN SELECT RAISE(ABORT, 'identity_disclosure only grows'); END;
