-- Sign-ins. A refresh token names a generation; only the last is good, and whoever
-- shows an older one has it from somebody else.
CREATE TABLE session (
    tenant_id    TEXT    NOT NULL,
    session_id   TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    generation   INTEGER NOT NULL,
    client       TEXT    NULL,
    created_at   INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    ended_at     INTEGER NULL,
    ended_by     TEXT    NULL,
    PRIMARY KEY (tenant_id, session_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_account ON session (tenant_id, account_id, created_at);

-- The secret that an authenticator shares with us, sealed; until it was shown to
-- work it does not count.
CREATE TABLE second_factor (
    tenant_id    TEXT    NOT NULL,
    account_id   TEXT    NOT NULL,
    sealed       BLOB    NOT NULL,
    confirmed_at INTEGER NULL,
    -- The last step of 30 seconds whose code was taken: each is good once.
    last_step    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
) STRICT, WITHOUT ROWID;
