-- Questions to insurers beside the settlement of a bill: eligibility, guarantees of payment, appeals. The
-- parent is the bill or the visit.
CREATE TABLE insurance_request (
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
    amount    BIGINT NOT NULL,
    booked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, claim_id)
);
CREATE INDEX payer_claim_by_date ON payer_claim (tenant_id, payer, booked_at, claim_id);
CREATE INDEX payer_claim_by_reference ON payer_claim (tenant_id, payer, reference);

-- Money under one trace number: as the payer advised it, and as the bank shows it.
CREATE TABLE payer_remittance (
    tenant_id  TEXT   NOT NULL,
    payer      TEXT   NOT NULL,
    trace      TEXT   NOT NULL,
    day        TEXT   NOT NULL,
    advised    BIGINT NULL,
    adjustment BIGINT NOT NULL,
    banked     BIGINT NULL,
    bank_day   TEXT   NULL,
    posted_at  BIGINT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, payer, trace)
);
CREATE INDEX payer_remittance_by_day ON payer_remittance (tenant_id, payer, day);
CREATE TABLE payer_remittance_item (
    tenant_id TEXT   NOT NULL,
    payer     TEXT   NOT NULL,
    trace     TEXT   NOT NULL,
    reference TEXT   NOT NULL,
    amount    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, payer, trace, reference)
);
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
    ours        BIGINT NULL,
    theirs      BIGINT NULL,
    status      TEXT   NOT NULL CHECK (status IN ('open', 'resolved')),
    owner       TEXT   NOT NULL,
    reason      TEXT   NULL,
    resolved_by TEXT   NULL,
    opened_at   BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, break_id),
    UNIQUE (tenant_id, kind, payer, reference),
    CHECK ((status = 'resolved') = (reason IS NOT NULL AND resolved_by IS NOT NULL))
);
CREATE INDEX reconciliation_break_open ON reconciliation_break (tenant_id, status, day);

CREATE TRIGGER payer_claim_grows BEFORE UPDATE OR DELETE ON payer_claim
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payer_claim_stays BEFORE TRUNCATE ON payer_claim
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['insurance_request', 'payer_claim', 'payer_remittance', 'payer_remittance_item',
                           'reconciliation_break']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_frozen()',
                       name || '_frozen', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
