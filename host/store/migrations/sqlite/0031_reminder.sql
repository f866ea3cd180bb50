-- Channels by which patients are reminded of messages: settings, and their keys, sealed.
CREATE TABLE reminder_channel (
    tenant_id  TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    body       TEXT  NOT NULL,
    sealed     BLOB  NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel)
) STRICT;

-- Where a patient is reminded. `sealed` is the address with its code, under the person's key.
CREATE TABLE reminder_address (
    tenant_id  TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    channel    TEXT   NOT NULL,
    body       TEXT  NOT NULL,
    sealed     TEXT   NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, channel)
) STRICT;

-- Reminders, one for each message: see `domain/src/reminder/`. They have no text.
CREATE TABLE reminder (
    tenant_id   TEXT    NOT NULL,
    reminder_id TEXT    NOT NULL,
    patient_id  TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    status      TEXT    NOT NULL
                CHECK (status IN ('queued', 'sent', 'delivered', 'failed', 'dropped', 'bundled')),
    urgent      INTEGER NOT NULL,
    -- The last attempt; none if nothing of it has left the house.
    tried_at    INTEGER  NULL,
    -- The one that counts its message.
    into_id     TEXT    NULL,
    body        TEXT   NOT NULL,
    version     INTEGER  NOT NULL,
    created_at  INTEGER  NOT NULL,
    updated_at  INTEGER  NOT NULL,
    PRIMARY KEY (tenant_id, reminder_id),
    UNIQUE (tenant_id, message_id)
) STRICT;
CREATE INDEX reminder_by_patient ON reminder (tenant_id, patient_id, created_at, reminder_id);
CREATE INDEX reminder_tried ON reminder (tenant_id, patient_id, tried_at) WHERE tried_at IS NOT NULL;
CREATE INDEX reminder_queued ON reminder (tenant_id, patient_id) WHERE status = 'queued';
CREATE INDEX reminder_bundled ON reminder (tenant_id, into_id) WHERE into_id IS NOT NULL;

CREATE TRIGGER reminder_channel_frozen_insert BEFORE INSERT ON reminder_channel
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER reminder_channel_frozen_update BEFORE UPDATE ON reminder_channel
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER reminder_address_frozen_insert BEFORE INSERT ON reminder_address
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER reminder_address_frozen_update BEFORE UPDATE ON reminder_address
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER reminder_frozen_insert BEFORE INSERT ON reminder
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER reminder_frozen_update BEFORE UPDATE ON reminder
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
