-- Payment per head: what funds and leads have agreed on.
CREATE TABLE capitation_contract (
    tenant_id  TEXT   NOT NULL REFERENCES tenant,
    plugin_id  TEXT   NOT NULL,
    lead       TEXT   NOT NULL,
    body       JSONB  NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, lead)
);

-- Who is a member of which lead, from one beginning of a month to another.
CREATE TABLE capitation_member (
    tenant_id  TEXT   NOT NULL,
    member_id  TEXT   NOT NULL,
    plugin_id  TEXT   NOT NULL,
    patient_id TEXT   NOT NULL,
    lead       TEXT   NOT NULL,
    risk_class TEXT   NOT NULL,
    since      BIGINT NOT NULL,
    until      BIGINT NULL,
    body       JSONB  NOT NULL,
    version    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, member_id)
);
-- One lead at a time.
CREATE UNIQUE INDEX capitation_member_open ON capitation_member (tenant_id, plugin_id, patient_id) WHERE until IS NULL;
CREATE INDEX capitation_member_by_lead ON capitation_member (tenant_id, plugin_id, lead, member_id);
CREATE INDEX capitation_member_by_patient ON capitation_member (tenant_id, patient_id, since);

-- Each member once for each month.
CREATE TABLE capitation_month (
    tenant_id  TEXT NOT NULL,
    plugin_id  TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    month      TEXT NOT NULL,
    lead       TEXT NOT NULL,
    risk_class TEXT NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, patient_id, month)
);
CREATE INDEX capitation_month_by_lead ON capitation_month (tenant_id, plugin_id, lead, month);
CREATE INDEX capitation_month_by_patient ON capitation_month (tenant_id, patient_id);

-- The account of a lead for a year.
CREATE TABLE capitation_year (
    tenant_id  TEXT   NOT NULL,
    plugin_id  TEXT   NOT NULL,
    lead       TEXT   NOT NULL,
    year       BIGINT NOT NULL,
    body       JSONB  NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, plugin_id, lead, year)
);

-- What is charged to it: of bills, of their reversals, of statements of other institutions.
CREATE TABLE capitation_use (
    tenant_id  TEXT   NOT NULL,
    use_key    TEXT   NOT NULL,
    plugin_id  TEXT   NOT NULL,
    lead       TEXT   NOT NULL,
    year       BIGINT NOT NULL,
    patient_id TEXT   NULL,
    bill_id    TEXT   NULL,
    fund       BIGINT NOT NULL,
    charged    BIGINT NOT NULL,
    body       JSONB  NOT NULL,
    booked_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, use_key)
);
CREATE INDEX capitation_use_by_year ON capitation_use (tenant_id, plugin_id, lead, year, use_key);
CREATE INDEX capitation_use_by_patient ON capitation_use (tenant_id, patient_id);

-- Services and packages that patients were offered and have bought: a document, as bills are.
CREATE TABLE purchase (
    tenant_id     TEXT   NOT NULL REFERENCES tenant,
    document_id   TEXT   NOT NULL,
    patient_id    TEXT   NOT NULL,
    parent_id     TEXT   NULL,
    exclusive_key TEXT   NULL,
    status        TEXT   NOT NULL,
    body          JSONB  NOT NULL,
    version       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, document_id),
    UNIQUE (tenant_id, exclusive_key)
);
CREATE INDEX purchase_by_date ON purchase (tenant_id, created_at, document_id);
CREATE INDEX purchase_by_patient ON purchase (tenant_id, patient_id, created_at, document_id);
CREATE INDEX purchase_by_status ON purchase (tenant_id, status, created_at, document_id);
CREATE INDEX purchase_by_parent ON purchase (tenant_id, parent_id, created_at, document_id);

-- What one accountant has posted and another is still to approve; it counts once it is in the ledger.
CREATE TABLE ledger_draft (
    tenant_id      TEXT   NOT NULL,
    transaction_id TEXT   NOT NULL,
    posted_by      TEXT   NOT NULL,
    posted_at      BIGINT NOT NULL,
    amount         BIGINT NOT NULL,
    status         TEXT   NOT NULL CHECK (status IN ('waiting', 'approved', 'rejected')),
    body           JSONB  NOT NULL,
    version        BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id)
);
CREATE INDEX ledger_draft_by_status ON ledger_draft (tenant_id, status, posted_at, transaction_id);

-- Every sum was once right: what is charged is taken off by another row.
CREATE TRIGGER capitation_use_grows BEFORE UPDATE ON capitation_use
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Frozen tenants, and the second wall, as in 0013.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['capitation_contract', 'capitation_member', 'capitation_month', 'capitation_year',
                           'capitation_use', 'purchase', 'ledger_draft']
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_frozen()',
                       name || '_frozen', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
