-- Whether a tenant's staff need a second factor.
ALTER TABLE tenant ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0;

-- Whether two factors were shown; and of a sign-in that a person lent to an app: to
-- which, what of it, and with which patient at hand.
ALTER TABLE session ADD COLUMN strong INTEGER NOT NULL DEFAULT 0;
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
    body       TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER NULL,
    PRIMARY KEY (tenant_id, kind, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_by_end ON one_time (expires_at);

-- Where a tenant's people sign in, if not here.
CREATE TABLE identity_provider (
    tenant_id  TEXT NOT NULL,
    body       TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT, WITHOUT ROWID;

-- Who somebody at a provider is here.
CREATE TABLE identity_link (
    tenant_id  TEXT NOT NULL,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    account_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, issuer, subject),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
) STRICT, WITHOUT ROWID;

-- Public keys that people sign in with.
CREATE TABLE passkey (
    tenant_id  TEXT NOT NULL,
    passkey_id TEXT NOT NULL,
    account_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    body       TEXT NOT NULL,
    -- How often it has signed, by its own count.
    counter    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NULL,
    PRIMARY KEY (tenant_id, passkey_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_by_account ON passkey (tenant_id, account_id, created_at);
