-- Schools and employers that patients may inform, and who represents them.
CREATE TABLE organisation (
    tenant_id       TEXT    NOT NULL REFERENCES tenant,
    organisation_id TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    registered_at   INTEGER NOT NULL,
    closed_at       INTEGER NULL,
    PRIMARY KEY (tenant_id, organisation_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE representative (
    tenant_id       TEXT    NOT NULL,
    account_id      TEXT    NOT NULL,
    organisation_id TEXT    NOT NULL,
    appointed_by    TEXT    NOT NULL,
    appointed_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id),
    FOREIGN KEY (tenant_id, organisation_id) REFERENCES organisation (tenant_id, organisation_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX representative_by_organisation ON representative (tenant_id, organisation_id);

-- The organisation that a consent is given to.
ALTER TABLE consent ADD COLUMN organisation_id TEXT NULL;
CREATE INDEX consent_by_organisation ON consent (tenant_id, organisation_id, patient_id);

-- Who is counted together for an employer. Who was counted once is in no other cohort, of this employer or another.
CREATE TABLE cohort (
    tenant_id       TEXT    NOT NULL,
    organisation_id TEXT    NOT NULL,
    number          INTEGER NOT NULL,
    size            INTEGER NOT NULL,
    open            INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, organisation_id, number),
    FOREIGN KEY (tenant_id, organisation_id) REFERENCES organisation (tenant_id, organisation_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE cohort_member (
    tenant_id       TEXT    NOT NULL,
    organisation_id TEXT    NOT NULL,
    patient_id      TEXT    NOT NULL,
    number          INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, patient_id),
    FOREIGN KEY (tenant_id, organisation_id, number) REFERENCES cohort (tenant_id, organisation_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX cohort_member_by_cohort ON cohort_member (tenant_id, organisation_id, number);

-- What was published for a month, computed once.
CREATE TABLE group_figures (
    tenant_id       TEXT    NOT NULL,
    organisation_id TEXT    NOT NULL,
    period          TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    published_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, organisation_id, period),
    FOREIGN KEY (tenant_id, organisation_id) REFERENCES organisation (tenant_id, organisation_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER group_figures_grows BEFORE UPDATE ON group_figures
BEGIN SELECT RAISE(ABORT, 'group_figures only grows'); END;
CREATE TRIGGER group_figures_stays BEFORE DELETE ON group_figures
BEGIN SELECT RAISE(ABORT, 'group_figures only grows'); END;

-- Who was counted stays known, so that nobody is counted in two cohorts, until they are erased.
CREATE TRIGGER cohort_member_stays BEFORE DELETE ON cohort_member
WHEN NOT EXISTS (SELECT 1 FROM erasure e WHERE e.tenant_id = OLD.tenant_id AND e.patient_id = OLD.patient_id)
BEGIN SELECT RAISE(ABORT, 'cohort_member only grows'); END;
CREATE TRIGGER cohort_member_is_kept BEFORE UPDATE ON cohort_member
BEGIN SELECT RAISE(ABORT, 'cohort_member only grows'); END;
-- A cohort does not change, but that it closes.
CREATE TRIGGER cohort_closes BEFORE UPDATE ON cohort
WHEN NOT (OLD.open AND NOT NEW.open AND NEW.tenant_id = OLD.tenant_id
          AND NEW.organisation_id = OLD.organisation_id AND NEW.number = OLD.number AND NEW.size = OLD.size)
BEGIN SELECT RAISE(ABORT, 'a cohort only closes'); END;

CREATE TRIGGER organisation_frozen_insert BEFORE INSERT ON organisation
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER organisation_frozen_update BEFORE UPDATE ON organisation
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER representative_frozen_insert BEFORE INSERT ON representative
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cohort_frozen_insert BEFORE INSERT ON cohort
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cohort_frozen_update BEFORE UPDATE ON cohort
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER cohort_member_frozen_insert BEFORE INSERT ON cohort_member
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
CREATE TRIGGER group_figures_frozen_insert BEFORE INSERT ON group_figures
WHEN EXISTS (SELECT 1 FROM frozen_tenant f WHERE f.tenant_id = NEW.tenant_id)
BEGIN SELECT RAISE(ABORT, 'the tenant is frozen'); END;
