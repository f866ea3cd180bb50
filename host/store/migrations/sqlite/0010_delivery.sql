-- Exports in bulk: what was asked, how far it is, what came of it. The files lie in
-- the data folder.
CREATE TABLE export_job (
    tenant_id     TEXT    NOT NULL,
    export_id     TEXT    NOT NULL,
    account_id    TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    -- Which try it is: what an earlier one writes does not count any more.
    attempts      INTEGER NOT NULL,
    claimed_until INTEGER NULL,
    ends_at       INTEGER NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, export_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX export_job_due ON export_job (status, created_at);

-- Subscriptions: who wants to hear what, and where. The headers that they are sent
-- with are sealed.
CREATE TABLE subscription (
    tenant_id       TEXT    NOT NULL,
    subscription_id TEXT    NOT NULL,
    account_id      TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    resource_type   TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    sealed          BLOB    NULL,
    delivered       INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    due_at          INTEGER NOT NULL,
    claimed_until   INTEGER NULL,
    version         INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, subscription_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_due ON subscription (status, due_at);

-- What they are still to be told, in this order; what was told is taken out. Without a
-- foreign key: no write to the record fails because somebody unsubscribes.
CREATE TABLE subscription_event (
    tenant_id       TEXT    NOT NULL,
    subscription_id TEXT    NOT NULL,
    event_id        TEXT    NOT NULL,
    resource_type   TEXT    NOT NULL,
    resource_id     TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, subscription_id, event_id)
) STRICT, WITHOUT ROWID;

-- Attachments. The bytes lie in the data folder, under their SHA-256.
CREATE TABLE blob (
    tenant_id    TEXT    NOT NULL,
    blob_id      TEXT    NOT NULL,
    patient_id   TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    sha256       TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, blob_id)
) STRICT, WITHOUT ROWID;

-- What patients and staff say to each other in a visit.
CREATE TABLE visit_message (
    tenant_id    TEXT    NOT NULL,
    encounter_id TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    body         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, encounter_id, seq),
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES encounter (tenant_id, document_id)
) STRICT, WITHOUT ROWID;

-- When conversations were purged, and up to where. Only what was purged goes.
CREATE TABLE visit_message_purge (
    tenant_id TEXT    NOT NULL,
    before_at INTEGER NOT NULL,
    purged_at INTEGER NOT NULL,
    purged_by TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, before_at)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER visit_message_purge_grows BEFORE UPDATE ON visit_message_purge
BEGIN SELECT RAISE(ABORT, 'visit_message_purge only grows'); END;
CREATE TRIGGER visit_message_purge_stays BEFORE DELETE ON visit_message_purge
BEGIN SELECT RAISE(ABORT, 'visit_message_purge only grows'); END;
CREATE TRIGGER visit_message_grows BEFORE UPDATE ON visit_message
BEGIN SELECT RAISE(ABORT, 'visit_message only grows'); END;
CREATE TRIGGER visit_message_stays BEFORE DELETE ON visit_message
WHEN OLD.created_at >= COALESCE(
    (SELECT MAX(before_at) FROM visit_message_purge p WHERE p.tenant_id = OLD.tenant_id), 0)
BEGIN SELECT RAISE(ABORT, 'visit_message only grows'); END;
