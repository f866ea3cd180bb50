-- The records of a hospital, on PostgreSQL. The SQLite twin has the same name;
-- a test compares their tables, columns and nullability.
--
-- Keys lead with tenant_id. Money is fen, time is microseconds since 1970 UTC.
-- `version` starts at 1 and is compared by every update.

-- Above tenants ---------------------------------------------------------------

CREATE TABLE meta (
    key   TEXT  NOT NULL PRIMARY KEY,
    value JSONB NOT NULL
);

CREATE TABLE tenant (
    tenant_id  TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    settings   JSONB  NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A digest names its bytes, so one row serves all tenants.
CREATE TABLE plugin_package (
    digest         TEXT   NOT NULL PRIMARY KEY,
    plugin_id      TEXT   NOT NULL,
    plugin_version TEXT   NOT NULL,
    manifest       JSONB  NOT NULL,
    bytes          BYTEA  NOT NULL,
    inserted_at    BIGINT NOT NULL,
    revoked_at     BIGINT NULL,
    revoked_reason TEXT   NULL,
    UNIQUE (plugin_id, plugin_version)
);

-- People and plugins ----------------------------------------------------------

CREATE TABLE account (
    tenant_id     TEXT    NOT NULL REFERENCES tenant,
    account_id    TEXT    NOT NULL,
    login         TEXT    NOT NULL,
    password_hash TEXT    NULL,
    roles         JSONB   NOT NULL,
    person_ref    TEXT    NULL,
    credential    JSONB   NULL,
    public_key    TEXT    NULL,
    active        BOOLEAN NOT NULL,
    version       BIGINT  NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    UNIQUE (tenant_id, login)
);
CREATE INDEX account_by_login ON account (login);
CREATE INDEX account_by_person ON account (tenant_id, person_ref);

CREATE TABLE plugin_install (
    tenant_id        TEXT   NOT NULL REFERENCES tenant,
    plugin_id        TEXT   NOT NULL,
    digest           TEXT   NOT NULL REFERENCES plugin_package,
    previous_digest  TEXT   NULL REFERENCES plugin_package,
    candidate_digest TEXT   NULL REFERENCES plugin_package,
    state            TEXT   NOT NULL CHECK (state IN ('installed', 'granted', 'enabled', 'disabled')),
    grants           JSONB  NOT NULL,
    settings         JSONB  NOT NULL,
    definition       JSONB  NULL,
    version          BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id)
);
CREATE INDEX plugin_install_by_digest ON plugin_install (digest);

CREATE TABLE plugin_kv (
    tenant_id TEXT  NOT NULL,
    plugin_id TEXT  NOT NULL,
    key       TEXT  NOT NULL,
    value     BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, key)
);

-- What a plugin's keys and values amount to; also the lock of its writers.
CREATE TABLE plugin_kv_usage (
    tenant_id TEXT   NOT NULL,
    plugin_id TEXT   NOT NULL,
    bytes     BIGINT NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (tenant_id, plugin_id)
);

-- The clinical record ---------------------------------------------------------

CREATE TABLE resource (
    tenant_id     TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT    NOT NULL,
    version       BIGINT  NOT NULL CHECK (version >= 1),
    patient_id    TEXT    NULL,
    effective_at  BIGINT  NOT NULL,
    last_updated  BIGINT  NOT NULL,
    deleted       BOOLEAN NOT NULL,
    body          JSONB   NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id)
);
CREATE INDEX resource_by_date ON resource (tenant_id, resource_type, effective_at, resource_id);
CREATE INDEX resource_by_patient ON resource (tenant_id, patient_id, resource_type, effective_at, resource_id);

-- Versions that have been superseded.
CREATE TABLE resource_history (
    tenant_id     TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT    NOT NULL,
    version       BIGINT  NOT NULL,
    patient_id    TEXT    NULL,
    effective_at  BIGINT  NOT NULL,
    last_updated  BIGINT  NOT NULL,
    deleted       BOOLEAN NOT NULL,
    body          JSONB   NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, version)
);

-- Search parameters of the current version. `system` is empty where there is none.
CREATE TABLE resource_token (
    tenant_id     TEXT   NOT NULL,
    resource_type TEXT   NOT NULL,
    resource_id   TEXT   NOT NULL,
    param         TEXT   NOT NULL,
    code          TEXT   NOT NULL,
    system        TEXT   NOT NULL,
    effective_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, param, code, system)
);
CREATE INDEX resource_token_search
    ON resource_token (tenant_id, resource_type, param, code, effective_at, resource_id, system);

-- Care ------------------------------------------------------------------------

-- The four kinds of document have the same columns: `parent_id` is what they
-- hang from, `exclusive_key` is shared by no two of a kind.
CREATE TABLE encounter (
    tenant_id     TEXT   NOT NULL REFERENCES tenant,
    document_id   TEXT   NOT NULL,
    patient_id    TEXT   NOT NULL,
    parent_id     TEXT   NULL,
    exclusive_key TEXT   NULL,
    status        TEXT   NOT NULL,
    body          JSONB  NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
);
CREATE INDEX encounter_by_date ON encounter (tenant_id, created_at, document_id);
CREATE INDEX encounter_by_patient ON encounter (tenant_id, patient_id, created_at, document_id);
CREATE INDEX encounter_by_status ON encounter (tenant_id, status, created_at, document_id);
CREATE INDEX encounter_by_parent ON encounter (tenant_id, parent_id, created_at, document_id);

CREATE TABLE prescription (
    tenant_id     TEXT   NOT NULL REFERENCES tenant,
    document_id   TEXT   NOT NULL,
    patient_id    TEXT   NOT NULL,
    parent_id     TEXT   NULL,
    exclusive_key TEXT   NULL,
    status        TEXT   NOT NULL,
    body          JSONB  NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
);
CREATE INDEX prescription_by_date ON prescription (tenant_id, created_at, document_id);
CREATE INDEX prescription_by_patient ON prescription (tenant_id, patient_id, created_at, document_id);
CREATE INDEX prescription_by_status ON prescription (tenant_id, status, created_at, document_id);
CREATE INDEX prescription_by_parent ON prescription (tenant_id, parent_id, created_at, document_id);

CREATE TABLE bill (
    tenant_id     TEXT   NOT NULL REFERENCES tenant,
    document_id   TEXT   NOT NULL,
    patient_id    TEXT   NOT NULL,
    parent_id     TEXT   NULL,
    exclusive_key TEXT   NULL,
    status        TEXT   NOT NULL,
    body          JSONB  NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
);
CREATE INDEX bill_by_date ON bill (tenant_id, created_at, document_id);
CREATE INDEX bill_by_patient ON bill (tenant_id, patient_id, created_at, document_id);
CREATE INDEX bill_by_status ON bill (tenant_id, status, created_at, document_id);
CREATE INDEX bill_by_parent ON bill (tenant_id, parent_id, created_at, document_id);

CREATE TABLE enrolment (
    tenant_id     TEXT   NOT NULL REFERENCES tenant,
    document_id   TEXT   NOT NULL,
    patient_id    TEXT   NOT NULL,
    parent_id     TEXT   NULL,
    exclusive_key TEXT   NULL,
    status        TEXT   NOT NULL,
    body          JSONB  NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
);
CREATE INDEX enrolment_by_date ON enrolment (tenant_id, created_at, document_id);
CREATE INDEX enrolment_by_patient ON enrolment (tenant_id, patient_id, created_at, document_id);
CREATE INDEX enrolment_by_status ON enrolment (tenant_id, status, created_at, document_id);
CREATE INDEX enrolment_by_parent ON enrolment (tenant_id, parent_id, created_at, document_id);

-- The used-mark: who inserts the row has the line.
CREATE TABLE prescription_use (
    tenant_id       TEXT   NOT NULL,
    prescription_id TEXT   NOT NULL,
    line            BIGINT NOT NULL,
    order_id        TEXT   NOT NULL,
    used_at         BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, prescription_id, line),
    FOREIGN KEY (tenant_id, prescription_id) REFERENCES prescription (tenant_id, document_id)
);

-- A drug trace code (药品追溯码) leaves the pharmacy once.
CREATE TABLE trace_code (
    tenant_id       TEXT   NOT NULL,
    code            TEXT   NOT NULL,
    prescription_id TEXT   NOT NULL,
    used_at         BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, code),
    FOREIGN KEY (tenant_id, prescription_id) REFERENCES prescription (tenant_id, document_id)
);
CREATE INDEX trace_code_by_prescription ON trace_code (tenant_id, prescription_id);

-- `claimed_until` is a worker's lease; what it does counts once, because firing
-- compares the version.
CREATE TABLE task (
    tenant_id     TEXT   NOT NULL,
    task_id       TEXT   NOT NULL,
    enrolment_id  TEXT   NOT NULL,
    patient_id    TEXT   NOT NULL,
    code          TEXT   NOT NULL,
    due_at        BIGINT NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('open', 'fired', 'done', 'cancelled')),
    claimed_until BIGINT NULL,
    body          JSONB  NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, task_id),
    FOREIGN KEY (tenant_id, enrolment_id) REFERENCES enrolment (tenant_id, document_id)
);
CREATE UNIQUE INDEX task_open ON task (tenant_id, enrolment_id, code) WHERE state = 'open';
CREATE INDEX task_due ON task (due_at) WHERE state = 'open';
CREATE INDEX task_by_patient ON task (tenant_id, patient_id, due_at);

CREATE TABLE alert (
    tenant_id    TEXT   NOT NULL,
    alert_id     TEXT   NOT NULL,
    patient_id   TEXT   NOT NULL,
    enrolment_id TEXT   NULL,
    code         TEXT   NOT NULL,
    severity     TEXT   NOT NULL,
    owner        TEXT   NOT NULL,
    state        TEXT   NOT NULL CHECK (state IN ('open', 'acknowledged', 'closed')),
    due_at       BIGINT NOT NULL,
    body         JSONB  NOT NULL,
    version      BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, alert_id)
);
CREATE INDEX alert_by_state ON alert (tenant_id, state, due_at);
CREATE INDEX alert_by_patient ON alert (tenant_id, patient_id, created_at);

CREATE TABLE hold (
    tenant_id   TEXT   NOT NULL,
    hold_id     TEXT   NOT NULL,
    patient_id  TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    code        TEXT   NOT NULL,
    body        JSONB  NOT NULL,
    placed_at   BIGINT NOT NULL,
    released_at BIGINT NULL,
    released_by TEXT   NULL,
    PRIMARY KEY (tenant_id, hold_id),
    CHECK ((released_at IS NULL) = (released_by IS NULL))
);
CREATE UNIQUE INDEX hold_active ON hold (tenant_id, patient_id, source, code) WHERE released_at IS NULL;

CREATE TABLE message (
    tenant_id  TEXT   NOT NULL,
    message_id TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    dedupe_key TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    created_at BIGINT NOT NULL,
    read_at    BIGINT NULL,
    PRIMARY KEY (tenant_id, message_id),
    UNIQUE (tenant_id, dedupe_key)
);
CREATE INDEX message_by_patient ON message (tenant_id, patient_id, created_at);

-- Money -----------------------------------------------------------------------

CREATE TABLE payment_operation (
    tenant_id      TEXT   NOT NULL,
    operation_key  TEXT   NOT NULL,
    bill_id        TEXT   NOT NULL,
    payer          TEXT   NOT NULL,
    verb           TEXT   NOT NULL,
    request_digest TEXT   NOT NULL,
    state          TEXT   NOT NULL CHECK (state IN ('pending', 'done', 'unknown', 'failed')),
    response       JSONB  NULL,
    version        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, operation_key),
    FOREIGN KEY (tenant_id, bill_id) REFERENCES bill (tenant_id, document_id)
);
CREATE INDEX payment_operation_by_bill ON payment_operation (tenant_id, bill_id, created_at);
CREATE INDEX payment_operation_open ON payment_operation (updated_at) WHERE state IN ('pending', 'unknown');

CREATE TABLE coverage (
    tenant_id  TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    payer      TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, payer)
);

-- A debit is above zero, a credit below. Postings are written first; writing the
-- transaction checks and seals them, and what is not sealed does not count.
CREATE TABLE ledger_posting (
    tenant_id      TEXT   NOT NULL,
    transaction_id TEXT   NOT NULL,
    line           BIGINT NOT NULL,
    account        TEXT   NOT NULL,
    amount         BIGINT NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (tenant_id, transaction_id, line)
);
CREATE INDEX ledger_posting_by_account ON ledger_posting (tenant_id, account);

CREATE TABLE ledger_transaction (
    tenant_id      TEXT   NOT NULL,
    transaction_id TEXT   NOT NULL,
    bill_id        TEXT   NULL,
    reverses       TEXT   NULL,
    memo           TEXT   NOT NULL,
    posted_at      BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id),
    UNIQUE (tenant_id, reverses),
    FOREIGN KEY (tenant_id, reverses) REFERENCES ledger_transaction (tenant_id, transaction_id),
    CHECK (reverses <> transaction_id)
);
CREATE INDEX ledger_transaction_by_bill ON ledger_transaction (tenant_id, bill_id, posted_at);

-- The tape --------------------------------------------------------------------

-- link = sha256(previous link || record_hash); the first previous link is zeros.
CREATE TABLE tape (
    tenant_id   TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    call_id     TEXT   NOT NULL,
    plugin_id   TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    hook        TEXT   NOT NULL,
    recorded_at BIGINT NOT NULL,
    record      BYTEA  NOT NULL,
    record_hash BYTEA  NOT NULL,
    link        BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, call_id)
);
CREATE INDEX tape_by_plugin ON tape (tenant_id, plugin_id, seq);
CREATE INDEX tape_by_digest ON tape (tenant_id, digest, seq);

-- What a call was about: a prescription, an encounter, a bill, a patient.
CREATE TABLE tape_reference (
    tenant_id TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, reference, seq),
    FOREIGN KEY (tenant_id, seq) REFERENCES tape (tenant_id, seq)
);

-- The end of each chain; also the lock of its writers.
CREATE TABLE tape_head (
    tenant_id TEXT   NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    link      BYTEA  NOT NULL
);

-- At the edge -----------------------------------------------------------------

CREATE TABLE idempotency (
    tenant_id      TEXT   NOT NULL,
    account_id     TEXT   NOT NULL,
    request_key    TEXT   NOT NULL,
    request_digest TEXT   NOT NULL,
    status         BIGINT NULL,
    response       BYTEA  NULL,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, request_key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE outbox (
    tenant_id     TEXT   NOT NULL,
    outbox_id     TEXT   NOT NULL,
    topic         TEXT   NOT NULL,
    payload       JSONB  NOT NULL,
    created_at    BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    attempts      BIGINT NOT NULL,
    claimed_until BIGINT NULL,
    done_at       BIGINT NULL,
    PRIMARY KEY (tenant_id, outbox_id)
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE done_at IS NULL;

-- What only grows -------------------------------------------------------------

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;

CREATE FUNCTION ledger_check_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM ledger_transaction t
               WHERE t.tenant_id = NEW.tenant_id AND t.transaction_id = NEW.transaction_id) THEN
        RAISE EXCEPTION 'the transaction is sealed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ledger_check_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF COALESCE((SELECT SUM(p.amount) <> 0 FROM ledger_posting p
                 WHERE p.tenant_id = NEW.tenant_id AND p.transaction_id = NEW.transaction_id), TRUE) THEN
        RAISE EXCEPTION 'the postings do not balance' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_posting_open BEFORE INSERT ON ledger_posting
    FOR EACH ROW EXECUTE FUNCTION ledger_check_posting();
CREATE TRIGGER ledger_transaction_balances BEFORE INSERT ON ledger_transaction
    FOR EACH ROW EXECUTE FUNCTION ledger_check_transaction();

DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['ledger_posting', 'ledger_transaction', 'tape', 'tape_reference', 'resource_history']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
                       name || '_grows', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       name || '_stays', name);
    END LOOP;
END $$;

-- The second wall -------------------------------------------------------------

-- A connection sees the rows of the tenant it says it works for, or all if it
-- says '*'; if it says nothing, none. FORCE binds the owner of the tables too.
DO $$
DECLARE name TEXT;
BEGIN
    FOR name IN
        SELECT table_name FROM information_schema.columns
        WHERE table_schema = current_schema AND column_name = 'tenant_id'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
