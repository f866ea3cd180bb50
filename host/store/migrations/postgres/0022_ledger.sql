SET LOCAL xinglin.tenant = '*';
-- A transaction says what it records, of which payer and doctor, on which business day (the date in
-- Asia/Shanghai), and who booked it. `memo` was the kind as JSON; it is the reason, for people.
ALTER TABLE ledger_transaction ADD COLUMN kind      TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger_transaction ADD COLUMN payer     TEXT NULL;
ALTER TABLE ledger_transaction ADD COLUMN doctor    TEXT NULL;
ALTER TABLE ledger_transaction ADD COLUMN day       TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger_transaction ADD COLUMN posted_by TEXT NULL;

ALTER TABLE ledger_transaction DISABLE TRIGGER USER;
UPDATE ledger_transaction t SET
    kind = CASE WHEN t.reverses IS NULL THEN btrim(t.memo, '"') ELSE 'contra' END,
    payer = (SELECT o.payer FROM payment_operation o
             WHERE o.tenant_id = t.tenant_id AND o.bill_id = t.bill_id
             ORDER BY o.created_at, o.operation_key LIMIT 1),
    doctor = (SELECT e.value #>> '{head,prescriber}'
              FROM bill b
              JOIN prescription p ON p.tenant_id = b.tenant_id AND p.document_id = b.parent_id
              CROSS JOIN LATERAL jsonb_each(p.body) e
              WHERE b.tenant_id = t.tenant_id AND b.document_id = t.bill_id),
    day = to_char(to_timestamp(t.posted_at / 1000000) AT TIME ZONE 'UTC' + INTERVAL '8 hours', 'YYYY-MM-DD'),
    memo = '';
ALTER TABLE ledger_transaction ENABLE TRIGGER USER;

CREATE INDEX ledger_transaction_by_day ON ledger_transaction (tenant_id, day);

-- Months whose books are closed, with all before them. `digest` is of what was booked in the month.
CREATE TABLE ledger_period (
    tenant_id TEXT   NOT NULL,
    period    TEXT   NOT NULL CHECK (period ~ '^[0-9]{4}-[0-9]{2}$'),
    closed_at BIGINT NOT NULL,
    closed_by TEXT   NOT NULL,
    digest    TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, period)
);
CREATE TRIGGER ledger_period_grows BEFORE UPDATE OR DELETE ON ledger_period
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_period_stays BEFORE TRUNCATE ON ledger_period
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_period_frozen BEFORE INSERT OR UPDATE ON ledger_period
    FOR EACH ROW EXECUTE FUNCTION refuse_frozen();
ALTER TABLE ledger_period ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_period FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON ledger_period USING (current_setting('xinglin.tenant', TRUE) IN (tenant_id, '*'));

-- Who posts shares a lock until the commit; who closes waits for all of them, and they for him:
-- see `payment/period.rs`.
CREATE FUNCTION ledger_check_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.kind = '' OR NEW.day !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
        OR (NEW.kind = 'contra') <> (NEW.reverses IS NOT NULL) THEN
        RAISE EXCEPTION 'a transaction has a kind and a day' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.tenant_id || '/ledger', 0));
    IF EXISTS (SELECT 1 FROM ledger_period p
               WHERE p.tenant_id = NEW.tenant_id AND p.period COLLATE "C" >= substr(NEW.day, 1, 7)) THEN
        RAISE EXCEPTION 'the books of this month are closed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_transaction_in_open_period BEFORE INSERT ON ledger_transaction
    FOR EACH ROW EXECUTE FUNCTION ledger_check_day();

CREATE FUNCTION ledger_check_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM ledger_period p
               WHERE p.tenant_id = NEW.tenant_id AND p.period COLLATE "C" >= NEW.period) THEN
        RAISE EXCEPTION 'the books of this month are closed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_period_in_order BEFORE INSERT ON ledger_period
    FOR EACH ROW EXECUTE FUNCTION ledger_check_period();
