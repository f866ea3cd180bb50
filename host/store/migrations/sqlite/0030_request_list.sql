-- Open requests are listed for the roles that they are given to, the first that is due first: see
-- `store/src/care/request.rs`. `given_to` is the roles between blanks; `due_at` is until when.
-- Requests of frozen hospitals are listed in the same order, so they are changed once more.
DROP TRIGGER request_frozen_update;
ALTER TABLE request ADD COLUMN given_to TEXT NOT NULL DEFAULT ' ';
ALTER TABLE request ADD COLUMN due_at INTEGER NOT NULL DEFAULT 0;
UPDATE request SET
    due_at = json_extract(body, '$.by'),
    given_to = CASE
        WHEN json_type(body, '$.asked.question') IS NOT NULL
        THEN ' ' || replace(json_extract(body, '$.asked.question.respondent'), 'guardian', 'patient') || ' '
        WHEN json_type(body, '$.asked.team') IS NOT NULL
        THEN ' ' || COALESCE(
            (SELECT group_concat(json_extract(one.value, '$.role'), ' ') || ' '
             FROM json_each(request.body, '$.asked.team.participants') one), '')
        ELSE ' assistant doctor health_manager nurse patient '
    END;
CREATE TRIGGER request_frozen_update BEFORE UPDATE ON request
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
DROP INDEX request_by_status;
CREATE INDEX request_by_due ON request (tenant_id, status, due_at, document_id);
