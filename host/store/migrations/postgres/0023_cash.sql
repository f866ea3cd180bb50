-- The patient's share of a bill in money: see `store/src/payment/cash.rs`. `body` has what is due, the
-- orders for it at channels, what came in, and what goes back.
CREATE TABLE cash (
    tenant_id  TEXT   NOT NULL,
    bill_id    TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    -- Number of refunds that the patient does not have yet.
    to_return  BIGINT NOT NULL,
    body       JSONB  NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bill_id),
    FOREIGN KEY (tenant_id, bill_id) REFERENCES bill (tenant_id, document_id)
);
CREATE INDEX cash_to_return ON cash (tenant_id, updated_at, bill_id) WHERE to_return > 0;

-- A channel by which patients pay: its settings, and its keys, sealed.
CREATE TABLE cash_channel (
    tenant_id  TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    sealed     BYTEA  NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, channel)
);

-- Notices of channels that had their effect: a repetition has none. Kept for as long as a notice is
-- repeated.
CREATE TABLE cash_notice (
    tenant_id   TEXT   NOT NULL,
    channel     TEXT   NOT NULL,
    notice_id   TEXT   NOT NULL,
    digest      TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, channel, notice_id)
);
CREATE INDEX cash_notice_by_age ON cash_notice (tenant_id, received_at);

-- Money of patients that moved, to be compared with the channels' statements. A transaction of a channel
-- counts once. `name` is our order or refund, `day` the channel's, in Asia/Shanghai.
CREATE TABLE cash_movement (
    tenant_id    TEXT   NOT NULL,
    channel      TEXT   NOT NULL,
    way          TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    reference    TEXT   NOT NULL,
    bill_id      TEXT   NOT NULL,
    day          TEXT   NOT NULL,
    amount       BIGINT NOT NULL,
    recorded_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, channel, way, reference)
);
CREATE INDEX cash_movement_by_day ON cash_movement (tenant_id, channel, day, way, reference);

-- Where a channel and we differ. Open ones keep their month from being closed.
CREATE TABLE cash_difference (
    tenant_id     TEXT   NOT NULL,
    difference_id TEXT   NOT NULL,
    channel       TEXT   NOT NULL,
    day           TEXT   NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('open', 'agreed', 'explained')),
    body          JSONB  NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, difference_id)
);
CREATE INDEX cash_difference_by_day ON cash_difference (tenant_id, state, day, difference_id);

ALTER TABLE ledger_transaction ADD COLUMN channel TEXT NULL;

CREATE TRIGGER cash_movement_grows BEFORE UPDATE ON cash_movement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The second wall, as in 0001, and custody, as in 0013.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['cash', 'cash_channel', 'cash_notice', 'cash_movement', 'cash_difference'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING (current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_frozen()',
                       name || '_frozen', name);
    END LOOP;
END;
$$;
