-- Payment per head: what funds and leads have agreed on.
CREATE TABLE capitation_contract (
    tenant_id  TEXT    NOT NULL REFERENCES tenant,
    plugin_id  TEXT    NOT NULL,
    lead       TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, lead)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER capitation_contract_frozen_insert BEFORE INSERT ON capitation_contract
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER capitation_contract_frozen_update BEFORE UPDATE ON capitation_contract
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

-- Who is a member of which lead, from one beginning of a month to another.
CREATE TABLE capitation_member (
    tenant_id  TEXT    NOT NULL,
    member_id  TEXT    NOT NULL,
    plugin_id  TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    lead       TEXT    NOT NULL,
    risk_class TEXT    NOT NULL,
    since      INTEGER NOT NULL,
    until      INTEGER NULL,
    body       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, member_id)
) STRICT, WITHOUT ROWID;
-- One lead at a time.
CREATE UNIQUE INDEX capitation_member_open ON capitation_member (tenant_id, plugin_id, patient_id) WHERE until IS NULL;
CREATE INDEX capitation_member_by_lead ON capitation_member (tenant_id, plugin_id, lead, member_id);
CREATE INDEX capitation_member_by_patient ON capitation_member (tenant_id, patient_id, since);
CREATE TRIGGER capitation_member_frozen_insert BEFORE INSERT ON capitation_member
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER capitation_member_frozen_update BEFORE UPDATE ON capitation_member
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

-- Each member once for each month.
CREATE TABLE capitation_month (
    tenant_id  TEXT NOT NULL,
    plugin_id  TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    month      TEXT NOT NULL,
    lead       TEXT NOT NULL,
    risk_class TEXT NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, patient_id, month)
) STRICT, WITHOUT ROWID;
CREATE INDEX capitation_month_by_lead ON capitation_month (tenant_id, plugin_id, lead, month);
CREATE INDEX capitation_month_by_patient ON capitation_month (tenant_id, patient_id);
CREATE TRIGGER capitation_month_frozen_insert BEFORE INSERT ON capitation_month
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER capitation_month_frozen_update BEFORE UPDATE ON capitation_month
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

-- The account of a lead for a year.
CREATE TABLE capitation_year (
    tenant_id  TEXT    NOT NULL,
    plugin_id  TEXT    NOT NULL,
    lead       TEXT    NOT NULL,
    year       INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, lead, year)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER capitation_year_frozen_insert BEFORE INSERT ON capitation_year
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER capitation_year_frozen_update BEFORE UPDATE ON capitation_year
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

-- What is charged to it: of bills, of their reversals, of statements of other institutions.
CREATE TABLE capitation_use (
    tenant_id  TEXT    NOT NULL,
    use_key    TEXT    NOT NULL,
    plugin_id  TEXT    NOT NULL,
    lead       TEXT    NOT NULL,
    year       INTEGER NOT NULL,
    patient_id TEXT    NULL,
    bill_id    TEXT    NULL,
    fund       INTEGER NOT NULL,
    charged    INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    booked_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, use_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX capitation_use_by_year ON capitation_use (tenant_id, plugin_id, lead, year, use_key);
CREATE INDEX capitation_use_by_patient ON capitation_use (tenant_id, patient_id);
CREATE TRIGGER capitation_use_frozen_insert BEFORE INSERT ON capitation_use
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER capitation_use_frozen_update BEFORE UPDATE ON capitation_use
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

-- Services and packages that patients were offered and have bought: a document, as bills are.
CREATE TABLE purchase (
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
CREATE INDEX purchase_by_date ON purchase (tenant_id, created_at, document_id);
CREATE INDEX purchase_by_patient ON purchase (tenant_id, patient_id, created_at, document_id);
CREATE INDEX purchase_by_status ON purchase (tenant_id, status, created_at, document_id);
CREATE INDEX purchase_by_parent ON purchase (tenant_id, parent_id, created_at, document_id);
CREATE TRIGGER purchase_frozen_insert BEFORE INSERT ON purchase
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER purchase_frozen_update BEFORE UPDATE ON purchase
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

-- What one accountant has posted and another is still to approve; it counts once it is in the ledger.
CREATE TABLE ledger_draft (
    tenant_id      TEXT    NOT NULL,
    transaction_id TEXT    NOT NULL,
    posted_by      TEXT    NOT NULL,
    posted_at      INTEGER NOT NULL,
    amount         INTEGER NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('waiting', 'approved', 'rejected')),
    body           TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_draft_by_status ON ledger_draft (tenant_id, status, posted_at, transaction_id);
CREATE TRIGGER ledger_draft_frozen_insert BEFORE INSERT ON ledger_draft
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER ledger_draft_frozen_update BEFORE UPDATE ON ledger_draft
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

-- Every sum was once right: what is charged is taken off by another row.
CREATE TRIGGER capitation_use_grows BEFORE UPDATE ON capitation_use
BEGIN SELECT RAISE(ABORT, 'capitation_use only grows'); END;
