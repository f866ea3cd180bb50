-- Prescriptions end by themselves. Those that exist are looked at once, by which the time is
-- found that is in them.
INSERT INTO work (tenant_id, queue, work_id, lane, payload, since, due_at, attempts, version)
SELECT tenant_id, 'prescription', document_id, document_id, 'null', 0, 0, 0, 1
FROM prescription WHERE status IN ('DRAFT', 'PENDING_REVIEW', 'RETURNED', 'EFFECTIVE', 'RESERVED')
    AND NOT EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = prescription.tenant_id);
