-- A transaction says what it records, of which payer and doctor, on which business day (the date in
-- Asia/Shanghai), and who booked it. `memo` was the kind as JSON; it is the reason, for people.
ALTER TABLE ledger_transaction ADD COLUMN kind      TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger_transaction ADD COLUMN payer     TEXT NULL;
ALTER TABLE ledger_transaction ADD COLUMN doctor    TEXT NULL;
ALTER TABLE ledger_transaction ADD COLUMN day       TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger_transaction ADD COLUMN posted_by TEXT NULL;

DROP TRIGGER ledger_transaction_grows;
DROP TRIGGER ledger_transaction_frozen_update;
UPDATE ledger_transaction SET
    kind = CASE WHEN reverses IS NULL THEN trim(memo, '"') ELSE 'contra' END,
    payer = (SELECT o.payer FROM payment_operation o
             WHERE o.tenant_id = ledger_transaction.tenant_id AND o.bill_id = ledger_transaction.bill_id
             ORDER BY o.created_at, o.operation_key LIMIT 1),
    doctor = (SELECT json_extract(e.value, '$.head.prescriber')
              FROM bill b
              JOIN prescription p ON p.tenant_id = b.tenant_id AND p.document_id = b.parent_id
              JOIN json_each(p.body) e
              WHERE b.tenant_id = ledger_transaction.tenant_id AND b.document_id = ledger_transaction.bill_id),
    day = date((posted_at + 28800000000) / 1000000, 'unixepoch'),
    memo = '';
CREATE TRIGGER ledger_transaction_grows BEFORE UPDATE ON ledger_transaction
BEGIN SELECT RAISE(ABORT, 'ledger_transaction only grows'); END;
CREATE TRIGGER ledger_transaction_frozen_update BEFORE UPDATE ON ledger_transaction
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;

CREATE INDEX ledger_transaction_by_day ON ledger_transaction (tenant_id, day);
CREATE TRIGGER ledger_transaction_is_typed BEFORE INSERT ON ledger_transaction
WHEN NEW.kind = '' OR NEW.day NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'
    OR (NEW.kind = 'contra') <> (NEW.reverses IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a transaction has a kind and a day'); END;

-- Months whose books are closed, with all before them. `digest` is of what was booked in the month.
CREATE TABLE ledger_period (
    tenant_id TEXT    NOT NULL,
    period    TEXT    NOT NULL CHECK (period GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]'),
    closed_at INTEGER NOT NULL,
    closed_by TEXT    NOT NULL,
    digest    TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, period)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER ledger_period_grows BEFORE UPDATE ON ledger_period
BEGIN SELECT RAISE(ABORT, 'ledger_period only grows'); END;
CREATE TRIGGER ledger_period_stays BEFORE DELETE ON ledger_period
BEGIN SELECT RAISE(ABORT, 'ledger_period only grows'); END;
CREATE TRIGGER ledger_period_frozen_insert BEFORE INSERT ON ledger_period
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER ledger_period_in_order BEFORE INSERT ON ledger_period
WHEN EXISTS (SELECT 1 FROM ledger_period p WHERE p.tenant_id = NEW.tenant_id AND p.period >= NEW.period)
BEGIN SELECT RAISE(ABORT, 'the books of this month are closed'); END;
CREATE TRIGGER ledger_transaction_in_open_period BEFORE INSERT ON ledger_transaction
WHEN EXISTS (SELECT 1 FROM ledger_period p WHERE p.tenant_id = NEW.tenant_id AND p.period >= substr(NEW.day, 1, 7))
BEGIN SELECT RAISE(ABORT, 'the books of this month are closed'); END;
