-- What was purged when its time had come: a chain begins behind its last purge, with
-- the link that stood there.
CREATE TABLE tape_purge (
    tenant_id TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    link      BLOB    NOT NULL,
    purged_at INTEGER NOT NULL,
    purged_by TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER tape_purge_grows BEFORE UPDATE ON tape_purge
BEGIN SELECT RAISE(ABORT, 'tape_purge only grows'); END;
CREATE TRIGGER tape_purge_stays BEFORE DELETE ON tape_purge
BEGIN SELECT RAISE(ABORT, 'tape_purge only grows'); END;

-- Without its foreign key, which had every deleted call look for its references in an
-- index that does not begin with its place.
CREATE TABLE reference (
    tenant_id TEXT    NOT NULL,
    reference TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, reference, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO reference SELECT * FROM tape_reference;
DROP TRIGGER tape_reference_stays;
DROP TABLE tape_reference;
ALTER TABLE reference RENAME TO tape_reference;
CREATE TRIGGER tape_reference_grows BEFORE UPDATE ON tape_reference
BEGIN SELECT RAISE(ABORT, 'tape_reference only grows'); END;

-- Only what was purged goes.
CREATE TRIGGER tape_reference_stays BEFORE DELETE ON tape_reference
WHEN OLD.seq > COALESCE((SELECT MAX(seq) FROM tape_purge p WHERE p.tenant_id = OLD.tenant_id), 0)
BEGIN SELECT RAISE(ABORT, 'tape_reference only grows'); END;
DROP TRIGGER tape_stays;
CREATE TRIGGER tape_stays BEFORE DELETE ON tape
WHEN OLD.seq > COALESCE((SELECT MAX(seq) FROM tape_purge p WHERE p.tenant_id = OLD.tenant_id), 0)
BEGIN SELECT RAISE(ABORT, 'tape only grows'); END;
