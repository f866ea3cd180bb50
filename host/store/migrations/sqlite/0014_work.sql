-- Work that is to be done in the background, of all kinds: see `work.rs`. `due_at` of what
-- a worker has is the end of its lease; `version` is what its effect is compared with.
CREATE TABLE work (
    tenant_id TEXT    NOT NULL,
    queue     TEXT    NOT NULL,
    work_id   TEXT    NOT NULL,
    lane      TEXT    NOT NULL,
    subject   TEXT    NULL,
    payload   TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    due_at    INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    version   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, queue, work_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_due ON work (queue, due_at);
CREATE INDEX work_lane ON work (tenant_id, queue, lane, work_id);
CREATE INDEX work_about ON work (tenant_id, subject) WHERE subject IS NOT NULL;

-- What waits now. A lease that a host holds over the upgrade is not kept: what it says
-- afterwards does not count.
INSERT INTO work (tenant_id, queue, work_id, lane, payload, since, due_at, attempts, version)
SELECT tenant_id, 'timer', task_id, enrolment_id, 'null', due_at, due_at, 0, 1 FROM task WHERE state = 'open';
INSERT INTO work (tenant_id, queue, work_id, lane, payload, since, due_at, attempts, version)
SELECT tenant_id, 'event', outbox_id, json_extract(payload, '$.enrolment'), payload -> '$.event',
       created_at, due_at, attempts, 1
FROM outbox WHERE done_at IS NULL AND topic = 'pathway.event';
INSERT INTO work (tenant_id, queue, work_id, lane, payload, since, due_at, attempts, version)
SELECT tenant_id, 'payment', operation_key, bill_id, 'null', created_at, updated_at, 0, 1
FROM payment_operation WHERE state IN ('pending', 'unknown');
INSERT INTO work (tenant_id, queue, work_id, lane, payload, since, due_at, attempts, version)
SELECT tenant_id, 'export', export_id, export_id, 'null', created_at, created_at, attempts, 1
FROM export_job WHERE status = 'open';
-- The handshake sorts before what is to be told: see `subscription/mod.rs`.
INSERT INTO work (tenant_id, queue, work_id, lane, payload, since, due_at, attempts, version)
SELECT tenant_id, 'subscription', '00000000000000000000000000000000-' || subscription_id, subscription_id, '"handshake"', due_at, due_at, 0, 1
FROM subscription WHERE status = 'requested';
INSERT INTO work (tenant_id, queue, work_id, lane, subject, payload, since, due_at, attempts, version)
SELECT e.tenant_id, 'subscription', e.event_id, e.subscription_id, e.resource_type || '/' || e.resource_id,
       json_object('event', json_object('kind', e.resource_type, 'resource', e.resource_id, 'version', e.version)),
       s.due_at, CASE WHEN s.status IN ('requested', 'active') THEN s.due_at ELSE 9223372036854775807 END, 0, 1
FROM subscription_event e
JOIN subscription s ON s.tenant_id = e.tenant_id AND s.subscription_id = e.subscription_id;

DROP TABLE outbox;
DROP TABLE subscription_event;
DROP INDEX task_due;
ALTER TABLE task DROP COLUMN claimed_until;
DROP INDEX payment_operation_open;
ALTER TABLE export_job DROP COLUMN claimed_until;
DROP INDEX subscription_due;
ALTER TABLE subscription DROP COLUMN due_at;
ALTER TABLE subscription DROP COLUMN claimed_until;
ALTER TABLE subscription DROP COLUMN version;

CREATE TRIGGER work_frozen_insert BEFORE INSERT ON work
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER work_frozen_update BEFORE UPDATE ON work
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
