-- Questions to insurers beside the settlement of a bill: eligibility, guarantees of payment, appeals. The
-- parent is the bill or the visit.
CREATE TABLE insurance_request (
    tenant_id     TEXT   NOT NULL REFERENCES tenant,
    document_id   TEXT   NOT NULL,
    patient_id    TEXT   NOT NULL,
    parent_id     TEXT   NULL,
    exclusive_key TEXT   NULL,
    status        TEXT   NOT NULL,
    body          TEXT  NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
) STRICT;
CREATE INDEX insurance_request_by_date ON insurance_request (tenant_id, created_at, document_id);
CREATE INDEX insurance_request_by_patient ON insurance_request (tenant_id, patient_id, created_at, document_id);
CREATE INDEX insurance_request_by_parent ON insurance_request (tenant_id, parent_id, created_at, document_id);

-- What a payer owes by its decisions, each under its reference: below zero of what was taken back. It only
-- grows, and outlasts the records of patients as the ledger does.
CREATE TABLE payer_claim (
    tenant_id TEXT   NOT NULL,
    claim_id  TEXT   NOT NULL,
    payer     TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    bill_id   TEXT   NOT NULL,
    amount    INTEGER NOT NULL,
    booked_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, claim_id)
) STRICT;
CREATE INDEX payer_claim_by_date ON payer_claim (tenant_id, payer, booked_at, claim_id);
CREATE INDEX payer_claim_by_reference ON payer_claim (tenant_id, payer, reference);

-- Money under one trace number: as the payer advised it, and as the bank shows it.
CREATE TABLE payer_remittance (
    tenant_id  TEXT   NOT NULL,
    payer      TEXT   NOT NULL,
    trace      TEXT   NOT NULL,
    day        TEXT   NOT NULL,
    advised    INTEGER NULL,
    adjustment INTEGER NOT NULL,
    banked     INTEGER NULL,
    bank_day   TEXT   NULL,
    posted_at  INTEGER NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, payer, trace)
) STRICT;
CREATE INDEX payer_remittance_by_day ON payer_remittance (tenant_id, payer, day);
CREATE TABLE payer_remittance_item (
    tenant_id TEXT   NOT NULL,
    payer     TEXT   NOT NULL,
    trace     TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    amount    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, payer, trace, reference)
) STRICT;
CREATE INDEX payer_remittance_item_by_reference ON payer_remittance_item (tenant_id, payer, reference);

-- Differences between the books and those of a payer, a channel or the bank. Each is found once by its kind,
-- payer and reference, and has an owner until it is resolved with a reason.
CREATE TABLE reconciliation_break (
    tenant_id   TEXT   NOT NULL,
    break_id    TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    payer       TEXT   NOT NULL,
    reference   TEXT   NOT NULL,
    bill_id     TEXT   NULL,
    day         TEXT   NOT NULL,
    ours        INTEGER NULL,
    theirs      INTEGER NULL,
    status      TEXT   NOT NULL CHECK (status IN ('open', 'resolved')),
    owner       TEXT   NOT NULL,
    reason      TEXT   NULL,
    resolved_by TEXT   NULL,
    opened_at   INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, break_id),
    UNIQUE (tenant_id, kind, payer, reference),
    CHECK ((status = 'resolved') = (reason IS NOT NULL AND resolved_by IS NOT NULL))
) STRICT;
CREATE INDEX reconciliation_break_open ON reconciliation_break (tenant_id, status, day);

CREATE TRIGGER payer_claim_grows BEFORE UPDATE ON payer_claim
BEGIN SELECT RAISE(ABORT, 'payer_claim only grows'); END;
CREATE TRIGGER payer_claim_stays BEFORE DELETE ON payer_claim
BEGIN SELECT RAISE(ABORT, 'payer_claim only grows'); END;
CREATE TRIGGER insurance_request_frozen_insert BEFORE INSERT ON insurance_request
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER insurance_request_frozen_update BEFORE UPDATE ON insurance_request
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER payer_claim_frozen_insert BEFORE INSERT ON payer_claim
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER payer_remittance_frozen_insert BEFORE INSERT ON payer_remittance
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER payer_remittance_frozen_update BEFORE UPDATE ON payer_remittance
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER payer_remittance_item_frozen_insert BEFORE INSERT ON payer_remittance_item
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER payer_remittance_item_frozen_update BEFORE UPDATE ON payer_remittance_item
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER reconciliation_break_frozen_insert BEFORE INSERT ON reconciliation_break
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER reconciliation_break_frozen_update BEFORE UPDATE ON reconciliation_break
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
