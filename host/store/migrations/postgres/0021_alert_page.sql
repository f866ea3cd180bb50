SET LOCAL xinglin.tenant = '*';
-- Alerts are listed for the roles that were told of them, the critical ones first: see
-- `store/src/care/alert.rs`. `told` is the roles between blanks, `urgency` 0 for a critical alert.
-- Alerts of frozen hospitals are listed in the same order, so they are changed once more.
ALTER TABLE alert DISABLE TRIGGER alert_frozen;
ALTER TABLE alert ADD COLUMN told TEXT NOT NULL DEFAULT ' ';
ALTER TABLE alert ADD COLUMN urgency BIGINT NOT NULL DEFAULT 2;
UPDATE alert SET
    urgency = CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
    told = ' ' || owner || ' ' || COALESCE(
        (SELECT string_agg(one.value ->> 'to', ' ') || ' '
         FROM jsonb_array_elements(COALESCE(alert.body -> 'escalated', '[]'::jsonb)) one(value)), '');
ALTER TABLE alert ENABLE TRIGGER alert_frozen;
DROP INDEX alert_by_state;
CREATE INDEX alert_by_urgency ON alert (tenant_id, state, urgency, due_at, alert_id);
