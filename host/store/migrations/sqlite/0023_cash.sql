-- The patient's share of a bill in money: see `store/src/payment/cash.rs`. `body` has what is due, the
-- orders for it at channels, what came in, and what goes back.
CREATE TABLE cash (
    tenant_id  TEXT    NOT NULL,
    bill_id    TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    -- Number of refunds that the patient does not have yet.
    to_return  INTEGER NOT NULL,
    body       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, bill_id),
    FOREIGN KEY (tenant_id, bill_id) REFERENCES bill (tenant_id, document_id)
) STRICT;
CREATE INDEX cash_to_return ON cash (tenant_id, updated_at, bill_id) WHERE to_return > 0;

-- A channel by which patients pay: its settings, and its keys, sealed.
CREATE TABLE cash_channel (
    tenant_id  TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel)
) STRICT;

-- Notices of channels that had their effect: a repetition has none. Kept for as long as a notice is
-- repeated.
CREATE TABLE cash_notice (
    tenant_id   TEXT    NOT NULL,
    channel     TEXT    NOT NULL,
    notice_id   TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel, notice_id)
) STRICT;
CREATE INDEX cash_notice_by_age ON cash_notice (tenant_id, received_at);

-- Money of patients that moved, to be compared with the channels' statements. A transaction of a channel
-- counts once. `name` is our order or refund, `day` the channel's, in Asia/Shanghai.
CREATE TABLE cash_movement (
    tenant_id    TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    way          TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    reference    TEXT    NOT NULL,
    bill_id      TEXT    NOT NULL,
    day          TEXT    NOT NULL,
    amount       INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel, way, reference)
) STRICT;
CREATE INDEX cash_movement_by_day ON cash_movement (tenant_id, channel, day, way, reference);

-- Where a channel and we differ. Open ones keep their month from being closed.
CREATE TABLE cash_difference (
    tenant_id     TEXT    NOT NULL,
    difference_id TEXT    NOT NULL,
    channel       TEXT    NOT NULL,
    day           TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('open', 'agreed', 'explained')),
    body          TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, difference_id)
) STRICT;
CREATE INDEX cash_difference_by_day ON cash_difference (tenant_id, state, day, difference_id);

ALTER TABLE ledger_transaction ADD COLUMN channel TEXT NULL;

CREATE TRIGGER cash_movement_grows BEFORE UPDATE ON cash_movement
BEGIN SELECT RAISE(ABORT, 'cash_movement only grows'); END;
CREATE TRIGGER cash_frozen_insert BEFORE INSERT ON cash
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_frozen_update BEFORE UPDATE ON cash
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_channel_frozen_insert BEFORE INSERT ON cash_channel
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_channel_frozen_update BEFORE UPDATE ON cash_channel
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_notice_frozen_insert BEFORE INSERT ON cash_notice
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_notice_frozen_update BEFORE UPDATE ON cash_notice
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_movement_frozen_insert BEFORE INSERT ON cash_movement
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_movement_frozen_update BEFORE UPDATE ON cash_movement
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_difference_frozen_insert BEFORE INSERT ON cash_difference
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cash_difference_frozen_update BEFORE UPDATE ON cash_difference
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
