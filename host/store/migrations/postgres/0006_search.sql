-- What resources can be searched for beside tokens: texts, and spans of time or
-- measure. Of the current version only, as with `resource_token`.

-- `folded` is what is compared when case does not matter. In the order of its bytes,
-- so that what begins with a text is a span of the index.
CREATE TABLE resource_string (
    tenant_id     TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id   TEXT NOT NULL,
    param         TEXT NOT NULL,
    exact         TEXT COLLATE "C" NOT NULL,
    folded        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, param, exact)
);
CREATE INDEX resource_string_search ON resource_string (tenant_id, resource_type, param, folded, resource_id);

-- Time in µs, from `low` until just before `high`; measures in millionths, both the
-- same, with their unit.
CREATE TABLE resource_range (
    tenant_id     TEXT   NOT NULL,
    resource_type TEXT   NOT NULL,
    resource_id   TEXT   NOT NULL,
    param         TEXT   NOT NULL,
    low           BIGINT NOT NULL,
    high          BIGINT NOT NULL,
    system        TEXT   NOT NULL,
    code          TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, resource_type, resource_id, param, low, high, system, code)
);
CREATE INDEX resource_range_search ON resource_range (tenant_id, resource_type, param, low, high, resource_id);

CREATE INDEX resource_by_update ON resource (tenant_id, resource_type, last_updated, resource_id);

-- The second wall, as in 0001.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['resource_string', 'resource_range']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant_wall ON %I USING '
                       '(current_setting(''xinglin.tenant'', TRUE) IN (tenant_id, ''*''))', name);
    END LOOP;
END $$;
