-- What resources can be searched for beside tokens: texts, and spans of time or
-- measure. Of the current version only, as with `resource_token`.

-- `folded` is what is compared when case does not matter.
CREATE TABLE resource_string (
    tenant_id     TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    param         TEXT NOT NULL,
    exact         TEXT NOT NULL,
    folded        TEXT NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, param, exact)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_string_search ON resource_string (tenant_id, resource_type, param, folded, resource_id);

-- Time in µs, from `low` until just before `high`; measures in millionths, both the
-- same, with their unit.
CREATE TABLE resource_range (
    tenant_id     TEXT    NOT NULL,
    resource_type TEXT    NOT NULL,
    resource_id   TEXT    NOT NULL,
    param         TEXT    NOT NULL,
    low           INTEGER NOT NULL,
    high          INTEGER NOT NULL,
    system        TEXT    NOT NULL,
    code          TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, param, low, high, system, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX resource_range_search ON resource_range (tenant_id, resource_type, param, low, high, resource_id);

CREATE INDEX resource_by_update ON resource (tenant_id, resource_type, last_updated, resource_id);
