-- Keys of people, each wrapped by one of the host's wrapping keys (`generation`). What
-- names a person is sealed under their key, in all its versions; a key that was
-- destroyed is NULL, and its row says that it was there.
CREATE TABLE person_key (
    tenant_id    TEXT   NOT NULL,
    -- Id of the patient, or `Type/id` of somebody who is not tied to one.
    owner        TEXT   NOT NULL,
    serial       BIGINT NOT NULL,
    generation   BIGINT NOT NULL,
    wrapped      BYTEA  NULL,
    destroyed_at BIGINT NULL,
    PRIMARY KEY (tenant_id, owner, serial)
);
CREATE INDEX person_key_by_generation ON person_key (tenant_id, generation, owner, serial);

-- The second wall, as in 0001.
ALTER TABLE person_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE person_key FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON person_key USING (current_setting('xinglin.tenant', TRUE) IN (tenant_id, '*'));
