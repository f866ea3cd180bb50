-- The records of a hospital, on SQLite. The PostgreSQL twin has the same name;
-- a test compares their tables, columns and nullability.
--
-- Keys lead with tenant_id. Money is fen, time is microseconds since 1970 UTC.
-- `version` starts at 1 and is compared by every update.

-- Above tenants ---------------------------------------------------------------

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
    tenant_id  TEXT    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    settings   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- A digest names its bytes, so one row serves all tenants.
CREATE TABLE plugin_package (
    digest         TEXT    NOT NULL PRIMARY KEY,
    plugin_id      TEXT    NOT NULL,
    plugin_version TEXT    NOT NULL,
    manifest       TEXT    NOT NULL,
    bytes          BLOB    NOT NULL,
    inserted_at    INTEGER NOT NULL,
    revoked_at     INTEGER NULL,
    revoked_reason TEXT    NULL,
    UNIQUE (plugin_id, plugin_version)
) STRICT;

-- People and plugins ----------------------------------------------------------

CREATE TABLE account (
    tenant_id     TEXT    NOT NULL REFERENCES tenant,
    account_id    TEXT    NOT NULL,
    login         TEXT    NOT NULL,
    password_hash TEXT    NULL,
    roles         TEXT    NOT NULL,
    person_ref    TEXT    NULL,
    credential    TEXT    NULL,
    public_key    TEXT    NULL,
    active        INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    UNIQUE (tenant_id, login)
) STRICT;
CREATE INDEX account_by_login ON account (login);
CREATE INDEX account_by_person ON account (tenant_id, person_ref);

CREATE TABLE plugin_install (
    tenant_id        TEXT    NOT NULL REFERENCES tenant,
    plugin_id        TEXT    NOT NULL,
    digest           TEXT    NOT NULL REFERENCES plugin_package,
    previous_digest  TEXT    NULL REFERENCES plugin_package,
    candidate_digest TEXT    NULL REFERENCES plugin_package,
    state            TEXT    NOT NULL CHECK (state IN ('installed', 'granted', 'enabled', 'disabled')),
    grants           TEXT    NOT NULL,
    settings         TEXT    NOT NULL,
    definition       TEXT    NULL,
    version          INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id)
) STRICT;
CREATE INDEX plugin_install_by_digest ON plugin_install (digest);

CREATE TABLE plugin_kv (
    tenant_id TEXT NOT NULL,
    plugin_id TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, key)
) STRICT;

-- What a plugin's keys and values amount to; also the lock of its writers.
CREATE TABLE plugin_kv_usage (
    tenant_id TEXT    NOT NULL,
    plugin_id TEXT    NOT NULL,
    bytes     INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (tenant_id, plugin_id)
) STRICT, WITHOUT ROWID;

-- The clinical record ---------------------------------------------------------

CREATE TABLE resource (
    tenant_id     TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT    NOT NULL,
    version       INTEGER NOT NULL CHECK (version >= 1),
    patient_id    TEXT    NULL,
    effective_at  INTEGER NOT NULL,
    last_updated  INTEGER NOT NULL,
    deleted       INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id)
) STRICT;
CREATE INDEX resource_by_date ON resource (tenant_id, resource_type, effective_at, resource_id);
CREATE INDEX resource_by_patient ON resource (tenant_id, patient_id, resource_type, effective_at, resource_id);

-- Versions that have been superseded.
CREATE TABLE resource_history (
    tenant_id     TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    patient_id    TEXT    NULL,
    effective_at  INTEGER NOT NULL,
    last_updated  INTEGER NOT NULL,
    deleted       INTEGER NOT NULL,
    body          TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, version)
) STRICT;

-- Search parameters of the current version. `system` is empty where there is none.
CREATE TABLE resource_token (
    tenant_id     TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT    NOT NULL,
    param         TEXT    NOT NULL,
    code          TEXT    NOT NULL,
    system        TEXT    NOT NULL,
    effective_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, param, code, system)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_token_search
    ON resource_token (tenant_id, resource_type, param, code, effective_at, resource_id, system);

-- Care ------------------------------------------------------------------------

-- The four kinds of document have the same columns: `parent_id` is what they
-- hang from, `exclusive_key` is shared by no two of a kind.
CREATE TABLE encounter (
    tenant_id     TEXT    NOT NULL REFERENCES tenant,
    document_id   TEXT    NOT NULL,
    patient_id    TEXT    NOT NULL,
    parent_id     TEXT    NULL,
    exclusive_key TEXT    NULL,
    status        TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
) STRICT;
CREATE INDEX encounter_by_date ON encounter (tenant_id, created_at, document_id);
CREATE INDEX encounter_by_patient ON encounter (tenant_id, patient_id, created_at, document_id);
CREATE INDEX encounter_by_status ON encounter (tenant_id, status, created_at, document_id);
CREATE INDEX encounter_by_parent ON encounter (tenant_id, parent_id, created_at, document_id);

CREATE TABLE prescription (
    tenant_id     TEXT    NOT NULL REFERENCES tenant,
    document_id   TEXT    NOT NULL,
    patient_id    TEXT    NOT NULL,
    parent_id     TEXT    NULL,
    exclusive_key TEXT    NULL,
    status        TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
) STRICT;
CREATE INDEX prescription_by_date ON prescription (tenant_id, created_at, document_id);
CREATE INDEX prescription_by_patient ON prescription (tenant_id, patient_id, created_at, document_id);
CREATE INDEX prescription_by_status ON prescription (tenant_id, status, created_at, document_id);
CREATE INDEX prescription_by_parent ON prescription (tenant_id, parent_id, created_at, document_id);

CREATE TABLE bill (
    tenant_id     TEXT    NOT NULL REFERENCES tenant,
    document_id   TEXT    NOT NULL,
    patient_id    TEXT    NOT NULL,
    parent_id     TEXT    NULL,
    exclusive_key TEXT    NULL,
    status        TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
) STRICT;
CREATE INDEX bill_by_date ON bill (tenant_id, created_at, document_id);
CREATE INDEX bill_by_patient ON bill (tenant_id, patient_id, created_at, document_id);
CREATE INDEX bill_by_status ON bill (tenant_id, status, created_at, document_id);
CREATE INDEX bill_by_parent ON bill (tenant_id, parent_id, created_at, document_id);

CREATE TABLE enrolment (
    tenant_id     TEXT    NOT NULL REFERENCES tenant,
    document_id   TEXT    NOT NULL,
    patient_id    TEXT    NOT NULL,
    parent_id     TEXT    NULL,
    exclusive_key TEXT    NULL,
    status        TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
) STRICT;
CREATE INDEX enrolment_by_date ON enrolment (tenant_id, created_at, document_id);
CREATE INDEX enrolment_by_patient ON enrolment (tenant_id, patient_id, created_at, document_id);
CREATE INDEX enrolment_by_status ON enrolment (tenant_id, status, created_at, document_id);
CREATE INDEX enrolment_by_parent ON enrolment (tenant_id, parent_id, created_at, document_id);

-- The used-mark: who inserts the row has the line.
CREATE TABLE prescription_use (
    tenant_id       TEXT    NOT NULL,
    prescription_id TEXT    NOT NULL,
    line            INTEGER NOT NULL,
    order_id        TEXT    NOT NULL,
    used_at         INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, prescription_id, line),
    FOREIGN KEY (tenant_id, prescription_id) REFERENCES prescription (tenant_id, document_id)
) STRICT, WITHOUT ROWID;

-- A drug trace code (药品追溯码) leaves the pharmacy once.
CREATE TABLE trace_code (
    tenant_id       TEXT    NOT NULL,
    code            TEXT    NOT NULL,
    prescription_id TEXT    NOT NULL,
    used_at         INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, code),
    FOREIGN KEY (tenant_id, prescription_id) REFERENCES prescription (tenant_id, document_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX trace_code_by_prescription ON trace_code (tenant_id, prescription_id);

-- `claimed_until` is a worker's lease; what it does counts once, because firing
-- compares the version.
CREATE TABLE task (
    tenant_id     TEXT    NOT NULL,
    task_id       TEXT    NOT NULL,
    enrolment_id  TEXT    NOT NULL,
    patient_id    TEXT    NOT NULL,
    code          TEXT    NOT NULL,
    due_at        INTEGER NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('open', 'fired', 'done', 'cancelled')),
    claimed_until INTEGER NULL,
    body          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, task_id),
    FOREIGN KEY (tenant_id, enrolment_id) REFERENCES enrolment (tenant_id, document_id)
) STRICT;
CREATE UNIQUE INDEX task_open ON task (tenant_id, enrolment_id, code) WHERE state = 'open';
CREATE INDEX task_due ON task (due_at) WHERE state = 'open';
CREATE INDEX task_by_patient ON task (tenant_id, patient_id, due_at);

CREATE TABLE alert (
    tenant_id    TEXT    NOT NULL,
    alert_id     TEXT    NOT NULL,
    patient_id   TEXT    NOT NULL,
    enrolment_id TEXT    NULL,
    code         TEXT    NOT NULL,
    severity     TEXT    NOT NULL,
    owner        TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
    due_at       INTEGER NOT NULL,
    body         TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, alert_id)
) STRICT;
CREATE INDEX alert_by_state ON alert (tenant_id, state, due_at);
CREATE INDEX alert_by_patient ON alert (tenant_id, patient_id, created_at);

CREATE TABLE hold (
    tenant_id   TEXT    NOT NULL,
    hold_id     TEXT    NOT NULL,
    patient_id  TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    placed_at   INTEGER NOT NULL,
    released_at INTEGER NULL,
    released_by TEXT    NULL,
    PRIMARY KEY (tenant_id, hold_id),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX hold_active ON hold (tenant_id, patient_id, source, code) WHERE released_at IS NULL;

CREATE TABLE message (
    tenant_id  TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    dedupe_key TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    read_at    INTEGER NULL,
    PRIMARY KEY (tenant_id, message_id),
    UNIQUE (tenant_id, dedupe_key)
) STRICT;
CREATE INDEX message_by_patient ON message (tenant_id, patient_id, created_at);

-- Money -----------------------------------------------------------------------

CREATE TABLE payment_operation (
    tenant_id      TEXT    NOT NULL,
    operation_key  TEXT    NOT NULL,
    bill_id        TEXT    NOT NULL,
    payer          TEXT    NOT NULL,
    verb           TEXT    NOT NULL,
    request_digest TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('pending', 'done', 'unknown', 'failed')),
    response       TEXT    NULL,
    version        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, operation_key),
    FOREIGN KEY (tenant_id, bill_id) REFERENCES bill (tenant_id, document_id)
) STRICT;
CREATE INDEX payment_operation_by_bill ON payment_operation (tenant_id, bill_id, created_at);
CREATE INDEX payment_operation_open ON payment_operation (updated_at) WHERE state IN ('pending', 'unknown');

CREATE TABLE coverage (
    tenant_id  TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    payer      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, payer)
) STRICT, WITHOUT ROWID;

-- A debit is above zero, a credit below. Postings are written first; writing the
-- transaction checks and seals them, and what is not sealed does not count.
CREATE TABLE ledger_posting (
    tenant_id      TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    line           INTEGER NOT NULL,
    account        TEXT    NOT NULL,
    amount         INTEGER NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (tenant_id, transaction_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_posting_by_account ON ledger_posting (tenant_id, account);

CREATE TABLE ledger_transaction (
    tenant_id      TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    bill_id        TEXT    NULL,
    reverses       TEXT    NULL,
    memo           TEXT    NOT NULL,
    posted_at      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id),
    UNIQUE (tenant_id, reverses),
    FOREIGN KEY (tenant_id, reverses) REFERENCES ledger_transaction (tenant_id, transaction_id),
    CHECK (reverses <> transaction_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_transaction_by_bill ON ledger_transaction (tenant_id, bill_id, posted_at);

-- The tape --------------------------------------------------------------------

-- link = sha256(previous link || record_hash); the first previous link is zeros.
CREATE TABLE tape (
    tenant_id   TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    call_id     TEXT    NOT NULL,
    plugin_id   TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    hook        TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL,
    record      BLOB    NOT NULL,
    record_hash BLOB    NOT NULL,
    link        BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, call_id)
) STRICT;
CREATE INDEX tape_by_plugin ON tape (tenant_id, plugin_id, seq);
CREATE INDEX tape_by_digest ON tape (tenant_id, digest, seq);

-- What a call was about: a prescription, an encounter, a bill, a patient.
CREATE TABLE tape_reference (
    tenant_id TEXT    NOT NULL,
    reference TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, reference, seq),
    FOREIGN KEY (tenant_id, seq) REFERENCES tape (tenant_id, seq)
) STRICT, WITHOUT ROWID;

-- The end of each chain; also the lock of its writers.
CREATE TABLE tape_head (
    tenant_id TEXT    NOT NULL PRIMARY KEY,
    seq       INTEGER NOT NULL,
    link      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

-- At the edge -----------------------------------------------------------------

CREATE TABLE idempotency (
    tenant_id      TEXT    NOT NULL,
    account_id     TEXT    NOT NULL,
    request_key    TEXT    NOT NULL,
    request_digest TEXT    NOT NULL,
    status         INTEGER NULL,
    response       BLOB    NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, account_id, request_key)
) STRICT;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE outbox (
    tenant_id     TEXT    NOT NULL,
    outbox_id     TEXT    NOT NULL,
    topic         TEXT    NOT NULL,
    payload       TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    claimed_until INTEGER NULL,
    done_at       INTEGER NULL,
    PRIMARY KEY (tenant_id, outbox_id)
) STRICT;
CREATE INDEX outbox_due ON outbox (due_at) WHERE done_at IS NULL;

-- What only grows -------------------------------------------------------------

CREATE TRIGGER ledger_posting_open BEFORE INSERT ON ledger_posting
WHEN EXISTS (SELECT 1 FROM ledger_transaction t
             WHERE t.tenant_id = NEW.tenant_id AND t.transaction_id = NEW.transaction_id)
BEGIN SELECT RAISE(ABORT, 'the transaction is sealed'); END;

CREATE TRIGGER ledger_transaction_balances BEFORE INSERT ON ledger_transaction
WHEN COALESCE((SELECT SUM(p.amount) <> 0 FROM ledger_posting p
               WHERE p.tenant_id = NEW.tenant_id AND p.transaction_id = NEW.transaction_id), TRUE)
BEGIN SELECT RAISE(ABORT, 'the postings do not balance'); END;

CREATE TRIGGER ledger_posting_grows BEFORE UPDATE ON ledger_posting
BEGIN SELECT RAISE(ABORT, 'ledger_posting only grows'); END;
CREATE TRIGGER ledger_posting_stays BEFORE DELETE ON ledger_posting
BEGIN SELECT RAISE(ABORT, 'ledger_posting only grows'); END;

CREATE TRIGGER ledger_transaction_grows BEFORE UPDATE ON ledger_transaction
BEGIN SELECT RAISE(ABORT, 'ledger_transaction only grows'); END;
CREATE TRIGGER ledger_transaction_stays BEFORE DELETE ON ledger_transaction
BEGIN SELECT RAISE(ABORT, 'ledger_transaction only grows'); END;

CREATE TRIGGER tape_grows BEFORE UPDATE ON tape
BEGIN SELECT RAISE(ABORT, 'tape only grows'); END;
CREATE TRIGGER tape_stays BEFORE DELETE ON tape
BEGIN SELECT RAISE(ABORT, 'tape only grows'); END;

CREATE TRIGGER tape_reference_grows BEFORE UPDATE ON tape_reference
BEGIN SELECT RAISE(ABORT, 'tape_reference only grows'); END;
CREATE TRIGGER tape_reference_stays BEFORE DELETE ON tape_reference
BEGIN SELECT RAISE(ABORT, 'tape_reference only grows'); END;

CREATE TRIGGER resource_history_grows BEFORE UPDATE ON resource_history
BEGIN SELECT RAISE(ABORT, 'resource_history only grows'); END;
CREATE TRIGGER resource_history_stays BEFORE DELETE ON resource_history
BEGIN SELECT RAISE(ABORT, 'resource_history only grows'); END;
