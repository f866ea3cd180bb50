-- Channels by which patients are reminded of messages: settings, and their keys, sealed.
CREATE TABLE reminder_channel (
    tenant_id  TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    sealed     BYTEA  NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, channel)
);

-- Where a patient is reminded. `sealed` is the address with its code, under the person's key.
CREATE TABLE reminder_address (
    tenant_id  TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    sealed     TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, channel)
);

-- Reminders, one for each message: see `domain/src/reminder/`. They have no text.
CREATE TABLE reminder (
    tenant_id   TEXT    NOT NULL,
    reminder_id TEXT    NOT NULL,
    patient_id  TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    status      TEXT    NOT NULL
                CHECK (status IN ('queued', 'sent', 'delivered', 'failed', 'dropped', 'bundled')),
    urgent      BOOLEAN NOT NULL,
    -- The last attempt; none if nothing of it has left the house.
    tried_at    BIGINT  NULL,
    -- The one that counts its message.
    into_id     TEXT    NULL,
    body        JSONB   NOT NULL,
    version     BIGINT  NOT NULL,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, reminder_id),
    UNIQUE (tenant_id, message_id)
);
CREATE INDEX reminder_by_patient ON reminder (tenant_id, patient_id, created_at, reminder_id);
CREATE INDEX reminder_tried ON reminder (tenant_id, patient_id, tried_at) WHERE tried_at IS NOT NULL;
CREATE INDEX reminder_queued ON reminder (tenant_id, patient_id) WHERE status = 'queued';
CREATE INDEX reminder_bundled ON reminder (tenant_id, into_id) WHERE into_id IS NOT NULL;

-- The second wall, as in 0001, and custody, as in 0013.
DO $$
DECLARE
    name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['reminder_channel', 'reminder_address', 'reminder'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING (current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_frozen()',
                       name || '_frozen', name);
    END LOOP;
END;
$$;
