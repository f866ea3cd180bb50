-- Alerts that are open now escalate from here on: see `care/src/pathway/alert/`. A frozen tenant
-- has no work.
INSERT INTO work (tenant_id, queue, work_id, lane, payload, since, due_at, attempts, version)
SELECT a.tenant_id, 'alert', a.alert_id, COALESCE(a.enrolment_id, a.alert_id), 'null', a.due_at, a.due_at, 0, 1
FROM alert a
WHERE a.state = 'open' AND NOT EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = a.tenant_id);
