-- Sign-ins. A refresh token names a generation; only the last is good, and whoever
-- shows an older one has it from somebody else.
CREATE TABLE session (
    tenant_id    TEXT   NOT NULL,
    session_id   TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    generation   BIGINT NOT NULL,
    client       TEXT   NULL,
    created_at   BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    ended_at     BIGINT NULL,
    ended_by     TEXT   NULL,
    PRIMARY KEY (tenant_id, session_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
);
CREATE INDEX session_by_account ON session (tenant_id, account_id, created_at);

-- The secret that an authenticator shares with us, sealed; until it was shown to
-- work it does not count.
CREATE TABLE second_factor (
    tenant_id    TEXT   NOT NULL,
    account_id   TEXT   NOT NULL,
    sealed       BYTEA  NOT NULL,
    confirmed_at BIGINT NULL,
    -- The last step of 30 seconds whose code was taken: each is good once.
    last_step    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, account_id)
);

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['session', 'second_factor']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
