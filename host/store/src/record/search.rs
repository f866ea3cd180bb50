//! Search by index entries.
//!
//! A query is a tree of [`Criterion`]s and becomes one statement. The table that is read first
//! decides whether a page costs the same in a large hospital as in a small one; see `driver`.

use xinglin_domain::compartment::Compartments;

use crate::{
    CodeFilter, Criterion, Cursor, Executor, Place, RangeMatch, RecordQuery, Resource, ResourceQuery, Result, Sort,
    SortBy, SortKey, TenantScope, TextMatch, TokenFilter, Values,
    db::{Row, Sql, args},
    record::{
        criterion::{push_any_of, push_withheld},
        resource::{OF_R, ONE_BY_ONE},
    },
};

impl<E: Executor> TenantScope<E> {
    /// A page of the matching resources without deleted ones, newest first by `effective_at`. The
    /// order of the query is ignored.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_resources(
        &self,
        query: &ResourceQuery,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Vec<Resource>> {
        let query = &*self.blinded(query);
        let (mut sql, order) = self.select(OF_R, query, true);
        let key = column(query, order, "effective_at");
        if let Some(Cursor { at, id }) = after {
            sql.push(&format!(" AND ({key}, {order}.resource_id) < ("));
            sql.bind(*at).push(", ").bind(id).push(")");
        }
        sql.push(&format!(" ORDER BY {key} DESC, {order}.resource_id DESC LIMIT ")).bind(limit);
        self.collect(sql).await
    }

    /// A page of the matching resources without deleted ones, in the order of the query, each with
    /// its position. A row that changes between pages may be repeated or omitted; no other is.
    ///
    /// # Errors
    /// `Invalid` if `after` is of another sort order.
    pub async fn search_resources(
        &self,
        query: &ResourceQuery,
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<(Resource, Place)>> {
        let query = &*self.blinded(query);
        let newest = [Sort { by: SortBy::Effective, descending: true }];
        let sort: &[Sort] = if query.sort.is_empty() { &newest } else { &query.sort };
        let by_date = matches!(sort, [Sort { by: SortBy::Effective, .. }]);
        let order = if driver(query, by_date).is_some() { "t" } else { "r" };

        // Matches that are sorted after they are found are sorted without bodies; only the bodies
        // of the page are read.
        let bodies_last = !by_date || is_found_first(query);
        let columns = if bodies_last { "r.resource_id AS found_id" } else { OF_R };
        // The sort expressions are in the list of columns, so their arguments come first.
        let mut head = Sql::new(format!("SELECT {columns}"), args![self.tenant, &query.kind]);
        let mut keys = Vec::with_capacity(sort.len());
        for (index, Sort { by, descending }) in sort.iter().enumerate() {
            let key = push_key(&mut head, query, order, by, *descending, index);
            keys.push(key);
        }
        let (mut sql, order) = self.select_from(head, query, by_date);
        if let Some(place) = after {
            if place.keys.len() != sort.len() {
                return Err(crate::StoreError::Invalid { detail: "a place in another list".to_owned() });
            }
            push_after(&mut sql, order, sort, &keys, place);
        }
        sql.push(" ORDER BY ");
        for (key, Sort { descending, .. }) in keys.iter().zip(sort) {
            sql.push(&format!("{key} {}, ", direction(*descending)));
        }
        let last = sort.first().is_some_and(|sort| sort.descending);
        sql.push(&format!("{order}.resource_id {} LIMIT ", direction(last))).bind(limit);
        if bodies_last {
            sql.put_around(
                &format!("SELECT {OF_R}, f.* FROM ("),
                ") f CROSS JOIN resource r
                  WHERE r.tenant_id = $1 AND r.resource_type = $2 AND r.resource_id = f.found_id ORDER BY ",
            );
            for (index, Sort { descending, .. }) in sort.iter().enumerate() {
                sql.push(&format!("f.key_{index} {}, ", direction(*descending)));
            }
            sql.push(&format!("f.found_id {}", direction(last)));
        }

        let rows = self.exec.rows(sql).await?;
        let found: Vec<(Resource, Place)> = rows.into_iter().map(|row| place_of(row, sort)).collect::<Result<_>>()?;
        let (resources, places): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        Ok(self.opened(resources).await?.into_iter().zip(places).collect())
    }

    /// Number of matching resources, counted up to `most`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_resources_to(&self, query: &ResourceQuery, most: u32) -> Result<i64> {
        let query = &*self.blinded(query);
        let (mut sql, _) = self.select_from(
            Sql::new("SELECT COUNT(*) AS total FROM (SELECT 1 AS one", args![self.tenant, &query.kind]),
            query,
            true,
        );
        sql.push(" LIMIT ").bind(most).push(") found");
        let row = self.exec.row(sql).await?;
        row.map_or(Ok(0), |row| row.get("total"))
    }

    /// Number of matching resources.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count_resources(&self, query: &ResourceQuery) -> Result<i64> {
        let (sql, _) = self.select("COUNT(*) AS total", &self.blinded(query), true);
        let row = self.exec.row(sql).await?;
        row.map_or(Ok(0), |row| row.get("total"))
    }

    /// A page of resources of all types by (type, id): existing or deleted ones.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_record(
        &self,
        query: &RecordQuery,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Resource>> {
        let text = format!("SELECT {OF_R} FROM resource r WHERE r.tenant_id = $1 AND r.deleted = $2");
        let mut sql = Sql::new(text, args![self.tenant, query.deleted]);
        if let Some(patient) = &query.patient_id {
            sql.push(" AND r.patient_id = ").bind(patient);
        }
        if !query.kinds.is_empty() {
            sql.push(" AND r.resource_type IN ").bind_all(&query.kinds);
        }
        if let Some(from) = query.updated_from {
            sql.push(" AND r.last_updated >= ").bind(from);
        }
        if let Some((kind, id)) = after {
            sql.push(" AND (r.resource_type, r.resource_id) > ").bind_all([kind, id]);
        }
        push_withheld(&mut sql, "r", query.withheld);
        sql.push(" ORDER BY r.resource_type, r.resource_id LIMIT ").bind(limit);
        self.collect(sql).await
    }

    /// The types that have resources, by name. One index look-up per type.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_resource_types(&self) -> Result<Vec<String>> {
        let text = "WITH RECURSIVE types (name) AS (
                        SELECT MIN(resource_type) FROM resource WHERE tenant_id = $1
                        UNION ALL
                        SELECT (SELECT MIN(resource_type) FROM resource
                                WHERE tenant_id = $1 AND resource_type > types.name)
                        FROM types WHERE types.name IS NOT NULL
                    )
                    SELECT name FROM types WHERE name IS NOT NULL";
        let rows = self.exec.rows(Sql::new(text, args![self.tenant])).await?;
        rows.into_iter().map(|row| row.get("name")).collect()
    }

    fn select(&self, columns: &str, query: &ResourceQuery, by_date: bool) -> (Sql, &'static str) {
        self.select_from(Sql::new(format!("SELECT {columns}"), args![self.tenant, &query.kind]), query, by_date)
    }

    /// All matching rows, after `SELECT …`, which has bound tenant and type; and the alias (`t`oken
    /// or `r`esource) of the table to sort by.
    fn select_from(&self, mut sql: Sql, query: &ResourceQuery, by_date: bool) -> (Sql, &'static str) {
        let driver = driver(query, by_date);
        let (few, told) = (is_few(query), is_told(query));
        let by_value = matches!(query.sort.first(), Some(Sort { by: SortBy::Value(..), .. }));

        // SQLite, which has few statistics, keeps the order of a CROSS JOIN; PostgreSQL chooses its
        // own.
        let from = match driver {
            Some(_) => {
                " FROM resource_token t CROSS JOIN resource r
                 WHERE t.tenant_id = $1 AND t.resource_type = $2 AND r.resource_id = t.resource_id AND"
            }
            None => " FROM resource r WHERE",
        };
        let order = if driver.is_some() { "t" } else { "r" };
        sql.push(from).push(" r.tenant_id = $1 AND r.resource_type = $2 AND r.deleted = FALSE");
        if let Some(patient) = &query.patient_id {
            sql.push(" AND r.patient_id = ").bind(patient);
        }
        if !query.ids.is_empty() {
            sql.push(" AND r.resource_id IN ").bind_all(&query.ids);
        }
        let top = Level {
            depth: 0,
            few,
            within: query.within.as_deref(),
            withheld: query.withheld,
            beyond: query.withheld_beyond,
        };
        top.push_within(&mut sql);
        for (index, filter) in query.tokens.iter().enumerate() {
            let TokenFilter { param, any_of } = filter;
            if driver == Some(index) {
                sql.push(" AND t.param = ").bind(param);
                push_any_of(&mut sql, "t", any_of);
                if any_of.iter().any(|code| code.system.is_none()) {
                    // A code in several systems is one match.
                    sql.push(
                        " AND NOT EXISTS (SELECT 1 FROM resource_token y WHERE y.tenant_id = t.tenant_id
                          AND y.resource_type = t.resource_type AND y.resource_id = t.resource_id
                          AND y.param = t.param AND y.code = t.code AND y.system < t.system)",
                    );
                }
            } else {
                // The first of them drives the query if all matches must be sorted.
                let leads = index == 0 && !few && !told && by_value;
                sql.push(" AND ");
                top.push_token(&mut sql, &query.kind, filter, leads);
            }
        }
        for (comparison, bound) in [(">=", query.from), ("<", query.until)] {
            if let Some(bound) = bound {
                sql.push(&format!(" AND {order}.effective_at {comparison} ")).bind(bound);
            }
        }
        if let Some(from) = query.updated_from {
            sql.push(" AND r.last_updated >= ").bind(from);
        }
        for criterion in &query.criteria {
            // Those selected by another criterion are looked up one by one.
            let referred = |one: &Criterion| matches!(one, Criterion::Referred { .. });
            let led_to = referred(criterion) && query.criteria.iter().any(|one| one.is_telling() && !referred(one));
            sql.push(" AND ");
            Level { few: few || led_to, ..top }.push(&mut sql, &query.kind, criterion);
        }
        (sql, order)
    }
}

fn is_few(query: &ResourceQuery) -> bool {
    query.patient_id.is_some() || !query.ids.is_empty() || query.within.is_some()
}

fn is_told(query: &ResourceQuery) -> bool {
    query.criteria.iter().any(Criterion::is_telling)
}

/// Whether all matches are found before they are sorted.
fn is_found_first(query: &ResourceQuery) -> bool {
    !query.ids.is_empty() || query.within.is_some() || (is_told(query) && !is_few(query))
}

/// The token filter whose index is read first, if any.
///
/// Resources of a patient, named resources, and matches of a selective criterion are few: they are
/// found first, then sorted. Otherwise, if a parameter has exactly one value, its index is read in
/// the order of the page; else the index of the type.
fn driver(query: &ResourceQuery, by_date: bool) -> Option<usize> {
    let has_one_value =
        |filter: &TokenFilter| matches!(filter.any_of.as_slice(), [CodeFilter { code, .. }] if !code.is_empty());
    if is_few(query) || is_told(query) || !by_date {
        return None;
    }
    query.tokens.iter().position(has_one_value)
}

/// The resources that a criterion applies to: those of the query, or those at the other end of a
/// reference, and so on.
#[derive(Clone, Copy)]
struct Level<'a> {
    depth: usize,
    /// Whether looking each up is cheaper than finding all matches.
    few: bool,
    within: Option<&'a [String]>,
    withheld: Compartments,
    /// Withheld compartments of the levels beyond it.
    beyond: Compartments,
}

impl Level<'_> {
    fn resource(self) -> String {
        if self.depth == 0 { "r".to_owned() } else { format!("r{}", self.depth) }
    }

    fn push_within(self, sql: &mut Sql) {
        match self.within {
            Some([]) => drop(sql.push(" AND FALSE")),
            Some(patients) => {
                sql.push(&format!(" AND {}.patient_id IN ", self.resource())).bind_all(patients);
            }
            None => {}
        }
        push_withheld(sql, &self.resource(), self.withheld);
    }

    /// The level of the resources at the other end of a reference.
    fn next(self) -> Self {
        Self { depth: self.depth + 1, few: false, withheld: self.beyond, ..self }
    }

    /// `resource` is among those with a value that meets the `condition`, which the caller pushes
    /// next, before it closes the parenthesis.
    fn open(self, sql: &mut Sql, table: &str, kind: &str, param: &str, found_first: bool) {
        let (r, x) = (self.resource(), format!("x{}", self.depth));
        if found_first {
            sql.push(&format!("{r}.resource_id IN (SELECT {x}.resource_id FROM {table} {x} WHERE {x}.tenant_id = $1"));
            sql.push(&format!(" AND {x}.resource_type = ")).bind(kind);
        } else {
            sql.push(&format!(
                "EXISTS (SELECT 1 FROM {table} {x} WHERE {x}.tenant_id = {r}.tenant_id
                 AND {x}.resource_type = {r}.resource_type AND {x}.resource_id = {r}.resource_id"
            ));
        }
        sql.push(&format!(" AND {x}.param = ")).bind(param);
    }

    fn push_token(self, sql: &mut Sql, kind: &str, TokenFilter { param, any_of }: &TokenFilter, found_first: bool) {
        self.open(sql, Values::Tokens.table(), kind, param, found_first);
        push_any_of(sql, &format!("x{}", self.depth), any_of);
        if !found_first {
            sql.push(ONE_BY_ONE);
        }
        sql.push(")");
    }

    fn push(self, sql: &mut Sql, kind: &str, criterion: &Criterion) {
        let (r, x) = (self.resource(), format!("x{}", self.depth));
        let find_first = !self.few;
        match criterion {
            Criterion::Any(any) => {
                sql.push("(FALSE");
                for criterion in any {
                    sql.push(" OR ");
                    self.push(sql, kind, criterion);
                }
                sql.push(")");
            }
            Criterion::Not(criterion) => {
                sql.push("NOT ");
                Level { few: true, ..self }.push(sql, kind, criterion);
            }
            Criterion::Token(filter) => self.push_token(sql, kind, filter, find_first),
            Criterion::Text { param, how, text } => {
                self.open(sql, Values::Texts.table(), kind, param, find_first);
                match how {
                    TextMatch::Exact => drop(sql.push(&format!(" AND {x}.exact = ")).bind(text)),
                    TextMatch::Begins => {
                        sql.push(&format!(" AND {x}.folded >= ")).bind(text);
                        sql.push(&format!(" AND {x}.folded < ")).bind(format!("{text}{}", char::MAX));
                    }
                    TextMatch::Contains => {
                        let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
                        sql.push(&format!(" AND {x}.folded LIKE ")).bind(format!("%{escaped}%")).push(" ESCAPE '!'");
                    }
                }
                sql.push(")");
            }
            Criterion::Range { param, how, low, high, unit } => {
                self.open(sql, Values::Ranges.table(), kind, param, find_first && *how == RangeMatch::Eq);
                sql.push(" AND ");
                push_range(sql, *how, [&format!("{x}.low"), &format!("{x}.high")], [*low, *high]);
                if let Some(CodeFilter { system, code }) = unit {
                    sql.push(&format!(" AND {x}.code = ")).bind(code);
                    if let Some(system) = system {
                        sql.push(&format!(" AND {x}.system = ")).bind(system);
                    }
                }
                sql.push(")");
            }
            Criterion::Present(values, param) => {
                self.open(sql, values.table(), kind, param, false);
                sql.push(")");
            }
            Criterion::Written { how, low, high } => {
                let column = format!("{r}.last_updated");
                let end = format!("{r}.last_updated + 1");
                push_range(sql, *how, [&column, &end], [low.micros(), high.micros()]);
            }
            Criterion::Ids(ids) => {
                let ids: &[String] = if ids.is_empty() { &[String::new()] } else { ids };
                sql.push(&format!("{r}.resource_id IN ")).bind_all(ids);
            }
            Criterion::OfPatient(patient) => {
                sql.push(&format!("{r}.patient_id = ")).bind(patient);
            }
            Criterion::Chained { param, kind: target, all } => {
                let next = self.next();
                let r1 = next.resource();
                self.open(sql, Values::Tokens.table(), kind, param, find_first);
                sql.push(&format!(" AND {x}.code IN (SELECT {r1}.resource_type || '/' || {r1}.resource_id"));
                next.push_found(sql, target, all);
                sql.push("))");
            }
            Criterion::Referred { kind: referring, param, all } => {
                let next = Level { few: self.few, ..self.next() };
                let (r1, begin) = (next.resource(), format!("{kind}/"));
                if self.few {
                    sql.push(&format!("EXISTS (SELECT 1 FROM resource_token {x} WHERE {x}.tenant_id = {r}.tenant_id"));
                    sql.push(&format!(" AND {x}.resource_type = ")).bind(referring);
                    sql.push(&format!(" AND {x}.param = ")).bind(param);
                    sql.push(&format!(" AND {x}.code = ")).bind(begin).push(&format!(" || {r}.resource_id"));
                    sql.push(" AND EXISTS (SELECT 1");
                    next.push_found(sql, referring, all);
                    sql.push(&format!(" AND {r1}.resource_id = {x}.resource_id))"));
                    return;
                }
                let length = begin.chars().count();
                sql.push(&format!(
                    "{r}.resource_id IN (SELECT SUBSTR({x}.code, {}) FROM resource_token {x} WHERE {x}.tenant_id = $1",
                    length + 1
                ));
                sql.push(&format!(" AND {x}.resource_type = ")).bind(referring);
                sql.push(&format!(" AND {x}.param = ")).bind(param);
                sql.push(&format!(" AND SUBSTR({x}.code, 1, {length}) = ")).bind(begin);
                sql.push(&format!(" AND {x}.resource_id IN (SELECT {r1}.resource_id"));
                next.push_found(sql, referring, all);
                sql.push("))");
            }
        }
    }

    /// `FROM resource …` with all of these conditions.
    fn push_found(self, sql: &mut Sql, kind: &str, all: &[Criterion]) {
        let r = self.resource();
        sql.push(&format!(" FROM resource {r} WHERE {r}.tenant_id = $1 AND {r}.resource_type = ")).bind(kind);
        sql.push(&format!(" AND {r}.deleted = FALSE"));
        self.push_within(sql);
        for criterion in all {
            sql.push(" AND ");
            self.push(sql, kind, criterion);
        }
    }
}

/// Compares the range in these columns with the searched one.
fn push_range(sql: &mut Sql, how: RangeMatch, [low, high]: [&str; 2], [from, to]: [i64; 2]) {
    let mut compare = |parts: &[(&str, &str, i64)], joint: &str| {
        sql.push("(");
        for (index, (column, operator, bound)) in parts.iter().enumerate() {
            sql.push(if index == 0 { "" } else { joint });
            sql.push(&format!("{column} {operator} ")).bind(*bound);
        }
        sql.push(")");
    };
    match how {
        // The second is implied, and bounds the scan of the index.
        RangeMatch::Eq => compare(&[(low, ">=", from), (low, "<=", to), (high, "<=", to)], " AND "),
        RangeMatch::Ne => compare(&[(low, "<", from), (high, ">", to)], " OR "),
        RangeMatch::Lt => compare(&[(low, "<", from)], ""),
        RangeMatch::Le => compare(&[(low, "<", from), (high, "<=", to)], " OR "),
        RangeMatch::Gt => compare(&[(high, ">", to)], ""),
        RangeMatch::Ge => compare(&[(high, ">", to), (low, ">=", from)], " OR "),
        RangeMatch::After => compare(&[(low, ">=", to)], ""),
        RangeMatch::Before => compare(&[(high, "<=", from)], ""),
    }
}

const fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

/// A column to sort by. If matches are found first, the expression matches no index: SQLite would
/// scan a whole index rather than sort a few rows.
fn column(query: &ResourceQuery, table: &str, name: &str) -> String {
    format!("{table}.{name}{}", if is_found_first(query) { " + 0" } else { "" })
}

/// Appends `, key AS key_n` and returns the expression.
fn push_key(sql: &mut Sql, query: &ResourceQuery, order: &str, by: &SortBy, descending: bool, index: usize) -> String {
    let key = match by {
        SortBy::Effective => column(query, order, "effective_at"),
        SortBy::Updated => column(query, "r", "last_updated"),
        SortBy::Id => "r.resource_id".to_owned(),
        SortBy::Value(values, param) => {
            let (column, least) = match (values, descending) {
                (Values::Tokens, _) => ("z.code", "''"),
                (Values::Texts, _) => ("z.folded", "''"),
                (Values::Ranges, true) => ("z.high", "-9000000000000000000"),
                (Values::Ranges, false) => ("z.low", "-9000000000000000000"),
            };
            let extreme = if descending { "MAX" } else { "MIN" };
            // Bound once, used twice: in the columns and in the order.
            let place = sql.reserve(param);
            format!(
                "COALESCE((SELECT {extreme}({column}) FROM {} z WHERE z.tenant_id = r.tenant_id
                 AND z.resource_type = r.resource_type AND z.resource_id = r.resource_id AND z.param = {place}), {least})",
                values.table()
            )
        }
    };
    sql.push(&format!(", {key} AS key_{index}"));
    key
}

/// `AND` after this position.
fn push_after(sql: &mut Sql, order: &str, sort: &[Sort], keys: &[String], Place { keys: values, id }: &Place) {
    let bind = |sql: &mut Sql, value: &SortKey| {
        match value {
            SortKey::Int(value) => sql.bind(*value),
            SortKey::Text(text) => sql.bind(text),
        };
    };
    let first = sort.first().is_some_and(|sort| sort.descending);
    let id_column = format!("{order}.resource_id");
    if sort.iter().all(|sort| sort.descending == first) {
        sql.push(&format!(" AND ({}, {id_column}) {} (", keys.join(", "), if first { "<" } else { ">" }));
        for value in values {
            bind(sql, value);
            sql.push(", ");
        }
        sql.bind(id).push(")");
        return;
    }
    // After by the first key, or equal and after by the next, …
    sql.push(" AND (FALSE");
    for level in 0..=keys.len() {
        sql.push(" OR (");
        for (key, value) in keys.iter().zip(values).take(level) {
            sql.push(&format!("{key} = "));
            bind(sql, value);
            sql.push(" AND ");
        }
        match (keys.get(level), sort.get(level), values.get(level)) {
            (Some(key), Some(Sort { descending, .. }), Some(value)) => {
                sql.push(&format!("{key} {} ", if *descending { "<" } else { ">" }));
                bind(sql, value);
            }
            _ => {
                sql.push(&format!("{id_column} {} ", if first { "<" } else { ">" })).bind(id);
            }
        }
        sql.push(")");
    }
    sql.push(")");
}

/// A row with its position in the list.
fn place_of(row: Row, sort: &[Sort]) -> Result<(Resource, Place)> {
    let mut keys = Vec::with_capacity(sort.len());
    for (index, Sort { by, .. }) in sort.iter().enumerate() {
        let name = format!("key_{index}");
        keys.push(match by {
            SortBy::Effective | SortBy::Updated | SortBy::Value(Values::Ranges, _) => SortKey::Int(row.get(&name)?),
            SortBy::Id | SortBy::Value(..) => SortKey::Text(row.get(&name)?),
        });
    }
    let resource = Resource::try_from(row)?;
    let place = Place { keys, id: resource.id.clone() };
    Ok((resource, place))
}
