-- Whether a tenant's staff need a second factor.
ALTER TABLE tenant ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;

-- Whether two factors were shown; and of a sign-in that a person lent to an app: to
-- which, what of it, and with which patient at hand.
ALTER TABLE session ADD COLUMN strong BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE session ADD COLUMN app_id TEXT NULL;
ALTER TABLE session ADD COLUMN scope TEXT NULL;
ALTER TABLE session ADD COLUMN patient_id TEXT NULL;
CREATE INDEX session_by_end ON session (ended_at);
CREATE INDEX session_by_rest ON session (refreshed_at);

-- What is given out to be shown once: codes of apps, launches, what a sign-in at a
-- provider or with a passkey began with. Kept by its digest, so that nobody who reads
-- the table can show it; and for a while after its end, so that who shows it again is
-- known.
CREATE TABLE one_time (
    tenant_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    digest     TEXT NOT NULL,
    body       JSONB NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NULL,
    PRIMARY KEY (tenant_id, kind, digest)
);
CREATE INDEX one_time_by_end ON one_time (expires_at);

-- Where a tenant's people sign in, if not here.
CREATE TABLE identity_provider (
    tenant_id  TEXT NOT NULL,
    body       JSONB NOT NULL,
    sealed     BYTEA NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- Who somebody at a provider is here.
CREATE TABLE identity_link (
    tenant_id  TEXT NOT NULL,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    account_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
);

-- Public keys that people sign in with.
CREATE TABLE passkey (
    tenant_id  TEXT NOT NULL,
    passkey_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    body       JSONB NOT NULL,
    -- How often it has signed, by its own count.
    counter    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NULL,
    PRIMARY KEY (tenant_id, passkey_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
);
CREATE INDEX passkey_by_account ON passkey (tenant_id, account_id, created_at);

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['one_time', 'identity_provider', 'identity_link', 'passkey']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
