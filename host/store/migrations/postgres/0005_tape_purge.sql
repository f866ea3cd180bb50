-- What was purged when its time had come: a chain begins behind its last purge, with
-- the link that stood there.
CREATE TABLE tape_purge (
    tenant_id TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    link      BYTEA  NOT NULL,
    purged_at BIGINT NOT NULL,
    purged_by TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE TRIGGER tape_purge_grows BEFORE UPDATE OR DELETE ON tape_purge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tape_purge_stays BEFORE TRUNCATE ON tape_purge
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second wall, as in 0001.
ALTER TABLE tape_purge ENABLE ROW LEVEL SECURITY;
ALTER TABLE tape_purge FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON tape_purge USING (current_setting('xinglin.tenant', TRUE) IN (tenant_id, '*'));

-- It had every deleted call look for its references in an index that does not begin
-- with its place.
ALTER TABLE tape_reference DROP CONSTRAINT tape_reference_tenant_id_seq_fkey;

-- Only what was purged goes.
CREATE FUNCTION refuse_unpurged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       AND OLD.seq <= (SELECT MAX(seq) FROM tape_purge p WHERE p.tenant_id = OLD.tenant_id) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;

DROP TRIGGER tape_grows ON tape;
CREATE TRIGGER tape_grows BEFORE UPDATE OR DELETE ON tape
    FOR EACH ROW EXECUTE FUNCTION refuse_unpurged();
DROP TRIGGER tape_reference_grows ON tape_reference;
CREATE TRIGGER tape_reference_grows BEFORE UPDATE OR DELETE ON tape_reference
    FOR EACH ROW EXECUTE FUNCTION refuse_unpurged();
