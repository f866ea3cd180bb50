SET LOCAL xinglin.tenant = '*';
-- Open requests are listed for the roles that they are given to, the first that is due first: see
-- `store/src/care/request.rs`. `given_to` is the roles between blanks; `due_at` is until when.
-- Requests of frozen hospitals are listed in the same order, so they are changed once more.
ALTER TABLE request DISABLE TRIGGER request_frozen;
ALTER TABLE request ADD COLUMN given_to TEXT NOT NULL DEFAULT ' ';
ALTER TABLE request ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
UPDATE request SET
    due_at = (body ->> 'by')::BIGINT,
    given_to = CASE
        WHEN body -> 'asked' -> 'question' IS NOT NULL
        THEN ' ' || replace(body -> 'asked' -> 'question' ->> 'respondent', 'guardian', 'patient') || ' '
        WHEN body -> 'asked' -> 'team' IS NOT NULL
        THEN ' ' || COALESCE(
            (SELECT string_agg(one.value ->> 'role', ' ') || ' '
             FROM jsonb_array_elements(request.body -> 'asked' -> 'team' -> 'participants') one(value)), '')
        ELSE ' assistant doctor health_manager nurse patient '
    END;
ALTER TABLE request ENABLE TRIGGER request_frozen;
DROP INDEX request_by_status;
CREATE INDEX request_by_due ON request (tenant_id, status, due_at, document_id);
