-- Who vouches for a package: the signatures that this host has verified.

CREATE TABLE plugin_signature (
    digest      TEXT    NOT NULL REFERENCES plugin_package,
    key_id      TEXT    NOT NULL,
    key_name    TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    signature   TEXT    NOT NULL,
    signed_at   INTEGER NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (digest, key_id)
) STRICT;
