-- Exports in bulk: what was asked, how far it is, what came of it. The files lie in
-- the data folder.
CREATE TABLE export_job (
    tenant_id     TEXT   NOT NULL,
    export_id     TEXT   NOT NULL,
    account_id    TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    body          JSONB  NOT NULL,
    -- Which try it is: what an earlier one writes does not count any more.
    attempts      BIGINT NOT NULL,
    claimed_until BIGINT NULL,
    ends_at       BIGINT NULL,
    created_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, export_id)
);
CREATE INDEX export_job_due ON export_job (status, created_at);

-- Subscriptions: who wants to hear what, and where. The headers that they are sent
-- with are sealed.
CREATE TABLE subscription (
    tenant_id       TEXT   NOT NULL,
    subscription_id TEXT   NOT NULL,
    account_id      TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    resource_type   TEXT   NOT NULL,
    body            JSONB  NOT NULL,
    sealed          BYTEA  NULL,
    delivered       BIGINT NOT NULL,
    attempts        BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    claimed_until   BIGINT NULL,
    version         BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, subscription_id)
);
CREATE INDEX subscription_due ON subscription (status, due_at);

-- What they are still to be told, in this order; what was told is taken out. Without a
-- foreign key: no write to the record fails because somebody unsubscribes.
CREATE TABLE subscription_event (
    tenant_id       TEXT   NOT NULL,
    subscription_id TEXT   NOT NULL,
    event_id        TEXT   NOT NULL,
    resource_type   TEXT   NOT NULL,
    resource_id     TEXT   NOT NULL,
    version         BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, subscription_id, event_id)
);

-- Attachments. The bytes lie in the data folder, under their SHA-256.
CREATE TABLE blob (
    tenant_id    TEXT   NOT NULL,
    blob_id      TEXT   NOT NULL,
    patient_id   TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    sha256       TEXT   NOT NULL,
    content_type TEXT   NOT NULL,
    size         BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, blob_id)
);

-- What patients and staff say to each other in a visit.
CREATE TABLE visit_message (
    tenant_id    TEXT   NOT NULL,
    encounter_id TEXT   NOT NULL,
    seq          BIGINT NOT NULL,
    body         JSONB  NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, encounter_id, seq),
    FOREIGN KEY (tenant_id, encounter_id) REFERENCES encounter (tenant_id, document_id)
);

-- When conversations were purged, and up to where. Only what was purged goes.
CREATE TABLE visit_message_purge (
    tenant_id TEXT   NOT NULL,
    before_at BIGINT NOT NULL,
    purged_at BIGINT NOT NULL,
    purged_by TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, before_at)
);

CREATE TRIGGER visit_message_purge_grows BEFORE UPDATE OR DELETE ON visit_message_purge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER visit_message_purge_stays BEFORE TRUNCATE ON visit_message_purge
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION visit_message_check_purge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.created_at >= COALESCE(
        (SELECT MAX(before_at) FROM visit_message_purge p WHERE p.tenant_id = OLD.tenant_id), 0) THEN
        RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER visit_message_grows BEFORE UPDATE ON visit_message
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER visit_message_goes BEFORE DELETE ON visit_message
    FOR EACH ROW EXECUTE FUNCTION visit_message_check_purge();
CREATE TRIGGER visit_message_stays BEFORE TRUNCATE ON visit_message
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['export_job', 'subscription', 'subscription_event', 'blob', 'visit_message',
                           'visit_message_purge']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
