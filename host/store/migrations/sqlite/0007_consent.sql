-- Which entries of the record fall into a restricted compartment. Once there, an
-- entry stays: its older versions are as restricted as they were.
CREATE TABLE resource_label (
    tenant_id     TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    compartment   TEXT NOT NULL,
    patient_id    TEXT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, compartment)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_label_by_patient ON resource_label (tenant_id, patient_id, resource_type);

CREATE TRIGGER resource_label_stays BEFORE DELETE ON resource_label
BEGIN SELECT RAISE(ABORT, 'resource_label only grows'); END;

-- What patients agreed to.
CREATE TABLE consent (
    tenant_id  TEXT    NOT NULL,
    consent_id TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    given_at   INTEGER NOT NULL,
    revoked_at INTEGER NULL,
    PRIMARY KEY (tenant_id, consent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX consent_by_patient ON consent (tenant_id, patient_id, given_at, consent_id);

CREATE TRIGGER consent_stays BEFORE DELETE ON consent
BEGIN SELECT RAISE(ABORT, 'consent only grows'); END;

-- Who saw or changed what: a hash chain, as the tape is. `who` is an account or a
-- plugin.
CREATE TABLE audit_event (
    tenant_id   TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    who         TEXT    NOT NULL,
    act         TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL,
    record      BLOB    NOT NULL,
    record_hash BLOB    NOT NULL,
    link        BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, seq)
) STRICT;
CREATE INDEX audit_event_by_who ON audit_event (tenant_id, who, seq);

CREATE TABLE audit_patient (
    tenant_id  TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, patient_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_head (
    tenant_id TEXT    NOT NULL PRIMARY KEY,
    seq       INTEGER NOT NULL,
    link      BLOB    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER audit_event_grows BEFORE UPDATE ON audit_event
BEGIN SELECT RAISE(ABORT, 'audit_event only grows'); END;
CREATE TRIGGER audit_event_stays BEFORE DELETE ON audit_event
BEGIN SELECT RAISE(ABORT, 'audit_event only grows'); END;
CREATE TRIGGER audit_patient_grows BEFORE UPDATE ON audit_patient
BEGIN SELECT RAISE(ABORT, 'audit_patient only grows'); END;
CREATE TRIGGER audit_patient_stays BEFORE DELETE ON audit_patient
BEGIN SELECT RAISE(ABORT, 'audit_patient only grows'); END;

-- Openings of a compartment in an emergency.
CREATE TABLE broken_glass (
    tenant_id  TEXT    NOT NULL,
    glass_id   TEXT    NOT NULL,
    patient_id TEXT    NOT NULL,
    account_id TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    opened_at  INTEGER NOT NULL,
    until_at   INTEGER NOT NULL,
    judged_at  INTEGER NULL,
    PRIMARY KEY (tenant_id, glass_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX broken_glass_by_patient ON broken_glass (tenant_id, patient_id, account_id, until_at);
CREATE INDEX broken_glass_by_review ON broken_glass (tenant_id, judged_at, opened_at, glass_id);

CREATE TRIGGER broken_glass_stays BEFORE DELETE ON broken_glass
BEGIN SELECT RAISE(ABORT, 'broken_glass only grows'); END;
