-- Tasks that can still be done are listed for the role that they are given to, the first that is due first: see
-- `store/src/care/task.rs`. A task without a window is a bare timer, and given to nobody.
-- Tasks of frozen hospitals are changed once more.
DROP TRIGGER task_frozen_update;
ALTER TABLE task ADD COLUMN given_to TEXT NOT NULL DEFAULT '';
UPDATE task SET given_to = replace(json_extract(body, '$.task.owner'), 'guardian', 'patient')
WHERE json_extract(body, '$.task.window_minutes') > 0;
CREATE TRIGGER task_frozen_update BEFORE UPDATE ON task
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE INDEX task_by_role ON task (tenant_id, given_to, due_at, task_id) WHERE state IN ('open', 'fired');
