-- Keys of people, each wrapped by one of the host's wrapping keys (`generation`). What
-- names a person is sealed under their key, in all its versions; a key that was
-- destroyed is NULL, and its row says that it was there.
CREATE TABLE person_key (
    tenant_id    TEXT    NOT NULL,
    -- Id of the patient, or `Type/id` of somebody who is not tied to one.
    owner        TEXT    NOT NULL,
    serial       INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    wrapped      BLOB    NULL,
    destroyed_at INTEGER NULL,
    PRIMARY KEY (tenant_id, owner, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_key_by_generation ON person_key (tenant_id, generation, owner, serial);
