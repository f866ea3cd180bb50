-- Alerts are listed for the roles that were told of them, the critical ones first: see
-- `store/src/care/alert.rs`. `told` is the roles between blanks, `urgency` 0 for a critical alert.
-- Alerts of frozen hospitals are listed in the same order, so they are changed once more.
DROP TRIGGER alert_frozen_update;
ALTER TABLE alert ADD COLUMN told TEXT NOT NULL DEFAULT ' ';
ALTER TABLE alert ADD COLUMN urgency INTEGER NOT NULL DEFAULT 2;
UPDATE alert SET
    urgency = CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
    told = ' ' || owner || ' ' || COALESCE(
        (SELECT group_concat(json_extract(one.value, '$.to'), ' ') || ' '
         FROM json_each(alert.body, '$.escalated') one), '');
CREATE TRIGGER alert_frozen_update BEFORE UPDATE ON alert
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
DROP INDEX alert_by_state;
CREATE INDEX alert_by_urgency ON alert (tenant_id, state, urgency, due_at, alert_id);
