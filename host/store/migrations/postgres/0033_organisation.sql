-- Schools and employers that patients may inform, and who represents them.
CREATE TABLE organisation (
    tenant_id       TEXT   NOT NULL REFERENCES tenant,
    organisation_id TEXT   NOT NULL,
    body            JSONB  NOT NULL,
    registered_at   BIGINT NOT NULL,
    closed_at       BIGINT NULL,
    PRIMARY KEY (tenant_id, organisation_id)
);
CREATE TABLE representative (
    tenant_id       TEXT   NOT NULL,
    account_id      TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    appointed_by    TEXT   NOT NULL,
    appointed_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id),
    FOREIGN KEY (tenant_id, organisation_id) REFERENCES organisation (tenant_id, organisation_id)
);
CREATE INDEX representative_by_organisation ON representative (tenant_id, organisation_id);

-- The organisation that a consent is given to.
ALTER TABLE consent ADD COLUMN organisation_id TEXT NULL;
CREATE INDEX consent_by_organisation ON consent (tenant_id, organisation_id, patient_id);

-- Who is counted together for an employer. Who was counted once is in no other cohort, of this employer or another.
CREATE TABLE cohort (
    tenant_id       TEXT    NOT NULL,
    organisation_id TEXT    NOT NULL,
    number          BIGINT  NOT NULL,
    size            BIGINT  NOT NULL,
    open            BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, organisation_id, number),
    FOREIGN KEY (tenant_id, organisation_id) REFERENCES organisation (tenant_id, organisation_id)
);
CREATE TABLE cohort_member (
    tenant_id       TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    patient_id      TEXT   NOT NULL,
    number          BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, patient_id),
    FOREIGN KEY (tenant_id, organisation_id, number) REFERENCES cohort (tenant_id, organisation_id, number)
);
CREATE INDEX cohort_member_by_cohort ON cohort_member (tenant_id, organisation_id, number);

-- What was published for a month, computed once.
CREATE TABLE group_figures (
    tenant_id       TEXT   NOT NULL,
    organisation_id TEXT   NOT NULL,
    period          TEXT   NOT NULL,
    body            JSONB  NOT NULL,
    published_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, organisation_id, period),
    FOREIGN KEY (tenant_id, organisation_id) REFERENCES organisation (tenant_id, organisation_id)
);
CREATE TRIGGER group_figures_grows BEFORE UPDATE OR DELETE ON group_figures
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER group_figures_stays BEFORE TRUNCATE ON group_figures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Who was counted stays known, so that nobody is counted in two cohorts, until they are erased.
CREATE TRIGGER cohort_member_stays BEFORE DELETE ON cohort_member
    FOR EACH ROW EXECUTE FUNCTION refuse_unerased();
CREATE TRIGGER cohort_member_remains BEFORE TRUNCATE ON cohort_member
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER cohort_member_is_kept BEFORE UPDATE ON cohort_member
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- A cohort does not change, but that it closes.
CREATE TRIGGER cohort_closes BEFORE UPDATE ON cohort
    FOR EACH ROW WHEN (NOT (OLD.open AND NOT NEW.open AND NEW.tenant_id = OLD.tenant_id
                            AND NEW.organisation_id = OLD.organisation_id AND NEW.number = OLD.number
                            AND NEW.size = OLD.size))
    EXECUTE FUNCTION refuse_change();

DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['organisation', 'representative', 'cohort', 'cohort_member', 'group_figures']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_frozen()',
                       name || '_frozen', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
