//! Encryption of identifying data: resources that identify a person are sealed with a key of that
//! person, and their identifying index entries are stored as keyed digests.
//!
//! Keys are stored wrapped; only a [`Vault`](crate::Vault) can use them. The database alone
//! discloses neither names nor numbers, and destroying a key makes all versions sealed with it
//! unreadable.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::value::RawValue;
use xinglin_domain::time::Instant;

use crate::{
    CodeFilter, Criterion, Executor, Json, KeyOf, OperatorScope, PersonKey, Resource, ResourceQuery, ResourceWrite,
    Result, StoreError, TenantScope, TenantTx, TokenFilter, WrappedKey,
    db::{Sql, args, insert_many},
};

/// Types that identify persons.
const SEALED: [&str; 3] = ["Patient", "Person", "RelatedPerson"];
/// Their identifying parameters that are only compared as a whole.
const BLIND: [&str; 4] = ["identifier", "telecom", "phone", "email"];
/// Maximum number of keys in one statement.
const AT_ONCE: usize = 64;

/// The owner of the key that a resource is sealed with, if it is sealed.
fn owner<'a>(kind: &str, id: &str, patient_id: Option<&'a str>) -> Option<Cow<'a, str>> {
    SEALED.contains(&kind).then(|| patient_id.map_or_else(|| Cow::Owned(format!("{kind}/{id}")), Cow::Borrowed))
}

fn place(kind: &str, id: &str, version: i64) -> String {
    format!("{kind}/{id}/{version}")
}

/// A sealed body is a JSON string, `serial.base64`; any other is an object.
fn is_sealed(body: &RawValue) -> bool {
    body.get().starts_with('"')
}

/// The serial of the key, and the ciphertext.
fn sealed(body: &RawValue) -> Option<(i64, Vec<u8>)> {
    let (serial, sealed) = body.get().strip_prefix('"')?.strip_suffix('"')?.split_once('.')?;
    Some((serial.parse().ok()?, STANDARD_NO_PAD.decode(sealed).ok()?))
}

impl<E: Executor> TenantScope<E> {
    /// Unseals resources. Of one whose key was destroyed only the existence is returned.
    pub(crate) async fn opened(&self, mut rows: Vec<Resource>) -> Result<Vec<Resource>> {
        let owners: BTreeSet<String> = rows
            .iter()
            .filter(|row| is_sealed(&row.body))
            .filter_map(|row| owner(&row.kind, &row.id, row.patient_id.as_deref()).map(Cow::into_owned))
            .collect();
        if owners.is_empty() {
            return Ok(rows);
        }
        let keys = self.keys_of_people(&owners).await?;
        for row in rows.iter_mut().filter(|row| is_sealed(&row.body)) {
            let lost = || StoreError::corrupt(format!("{}/{}: sealed under no known key", row.kind, row.id));
            let owner = owner(&row.kind, &row.id, row.patient_id.as_deref()).ok_or_else(lost)?;
            let (serial, sealed) = sealed(&row.body).ok_or_else(lost)?;
            let key = keys.iter().find(|key| key.owner == owner && key.serial == serial).ok_or_else(lost)?;
            let body = match &key.key {
                Some(key) => {
                    let of = KeyOf { tenant: self.tenant, owner: &owner, serial };
                    let place = place(&row.kind, &row.id, row.version);
                    self.vault.unseal(&of, key, &place, &sealed).ok_or_else(lost)?
                }
                None => {
                    row.deleted = true;
                    serde_json::json!({ "resourceType": row.kind, "id": row.id }).to_string()
                }
            };
            row.body = RawValue::from_string(body).map_err(StoreError::corrupt)?;
        }
        Ok(rows)
    }

    async fn keys_of_people(&self, owners: &BTreeSet<String>) -> Result<Vec<PersonKey>> {
        let owners: Vec<&String> = owners.iter().collect();
        let mut keys = Vec::new();
        for owners in owners.chunks(AT_ONCE) {
            let sql = "SELECT owner, serial, generation, wrapped FROM person_key WHERE tenant_id = $1 AND owner IN ";
            let mut sql = Sql::new(sql, args![self.tenant]);
            sql.bind_all(owners.iter().copied());
            for row in self.exec.rows(sql).await? {
                keys.push(row.try_into()?);
            }
        }
        Ok(keys)
    }

    /// Opens a text that [`seal_for`](TenantTx::seal_for) sealed; `None` if the person's key was destroyed.
    pub(crate) async fn unseal_for(&self, owner: &str, place: &str, text: &str) -> Result<Option<String>> {
        let lost = || StoreError::corrupt(format!("{place}: sealed under no known key"));
        let (serial, sealed) = text.split_once('.').ok_or_else(lost)?;
        let serial: i64 = serial.parse().map_err(|_| lost())?;
        let sealed = STANDARD_NO_PAD.decode(sealed).map_err(|_| lost())?;
        let keys = self.keys_of_people(&BTreeSet::from([owner.to_owned()])).await?;
        let key = keys.into_iter().find(|key| key.serial == serial).ok_or_else(lost)?;
        let Some(key) = key.key else { return Ok(None) };
        let of = KeyOf { tenant: self.tenant, owner, serial };
        self.vault.unseal(&of, &key, place, &sealed).ok_or_else(lost).map(Some)
    }

    /// Keys wrapped with a wrapping key older than this generation, by owner.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_keys_before(&self, generation: i64, limit: u32) -> Result<Vec<PersonKey>> {
        let sql = "SELECT owner, serial, generation, wrapped FROM person_key
                   WHERE tenant_id = $1 AND generation < $2 AND wrapped IS NOT NULL ORDER BY owner, serial LIMIT $3";
        let rows = self.exec.rows(Sql::new(sql, args![self.tenant, generation, limit])).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The query with keyed digests in place of identifying values.
    pub(crate) fn blinded<'a>(&self, query: &'a ResourceQuery) -> Cow<'a, ResourceQuery> {
        let names_somebody = SEALED.contains(&query.kind.as_str()) && !query.tokens.is_empty();
        if !names_somebody && query.criteria.is_empty() {
            return Cow::Borrowed(query);
        }
        let mut query = query.clone();
        let kind = query.kind.clone();
        query.tokens.iter_mut().for_each(|filter| self.blind_filter(&kind, filter));
        query.criteria.iter_mut().for_each(|criterion| self.blind_criterion(&kind, criterion));
        Cow::Owned(query)
    }

    fn blind_criterion(&self, kind: &str, criterion: &mut Criterion) {
        match criterion {
            Criterion::Any(any) => any.iter_mut().for_each(|one| self.blind_criterion(kind, one)),
            Criterion::Not(one) => self.blind_criterion(kind, one),
            Criterion::Token(filter) => self.blind_filter(kind, filter),
            Criterion::Chained { kind, all, .. } | Criterion::Referred { kind, all, .. } => {
                all.iter_mut().for_each(|one| self.blind_criterion(kind, one));
            }
            _ => {}
        }
    }

    fn blind_filter(&self, kind: &str, TokenFilter { param, any_of }: &mut TokenFilter) {
        for CodeFilter { code, .. } in any_of.iter_mut().filter(|filter| !filter.code.is_empty()) {
            *code = self.token(kind, param, code).into_owned();
        }
    }

    /// The stored form of a token's code.
    pub(crate) fn token<'a>(&self, kind: &str, param: &str, code: &'a str) -> Cow<'a, str> {
        match SEALED.contains(&kind) && BLIND.contains(&param) {
            true => Cow::Owned(self.vault.blind(self.tenant, code)),
            false => Cow::Borrowed(code),
        }
    }
}

impl<E: Executor> OperatorScope<E> {
    /// Whether there are any keys of persons.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_person_keys(&self) -> Result<bool> {
        let sql = "SELECT serial FROM person_key WHERE wrapped IS NOT NULL LIMIT 1";
        Ok(self.exec.row(Sql::new(sql, args![])).await?.is_some())
    }
}

impl TenantTx {
    /// The bodies to store, in order, sealed where they identify a person.
    pub(crate) async fn sealed_bodies<'a>(&self, writes: &'a [ResourceWrite]) -> Result<Vec<Cow<'a, Json>>> {
        let owner_of = |write: &'a ResourceWrite| {
            // A deletion identifies nobody.
            (!write.deleted).then(|| owner(&write.kind, &write.id, write.patient_id.as_deref())).flatten()
        };
        let owners: BTreeSet<String> = writes.iter().filter_map(owner_of).map(Cow::into_owned).collect();
        if owners.is_empty() {
            return Ok(writes.iter().map(|write| Cow::Borrowed(&write.body)).collect());
        }
        let keys = self.live_keys(owners).await?;
        let mut bodies = Vec::with_capacity(writes.len());
        for write in writes {
            let Some(owner) = owner_of(write) else {
                bodies.push(Cow::Borrowed(&write.body));
                continue;
            };
            let closed = || StoreError::Invalid { detail: format!("{}/{}: no key to seal it", write.kind, write.id) };
            let (serial, key) = keys.get(&*owner).ok_or_else(closed)?;
            let of = KeyOf { tenant: self.tenant, owner: &owner, serial: *serial };
            let place = place(&write.kind, &write.id, write.version);
            let sealed = self.vault.seal(&of, key, &place, write.body.get()).ok_or_else(closed)?;
            let text = format!("\"{serial}.{}\"", STANDARD_NO_PAD.encode(sealed));
            bodies.push(Cow::Owned(RawValue::from_string(text).map_err(StoreError::corrupt)?));
        }
        Ok(bodies)
    }

    /// Seals a text of a person, bound to one place.
    pub(crate) async fn seal_for(&self, owner: &str, place: &str, text: &str) -> Result<String> {
        let closed = || StoreError::Invalid { detail: format!("{place}: no key to seal it") };
        let keys = self.live_keys(BTreeSet::from([owner.to_owned()])).await?;
        let (serial, key) = keys.get(owner).ok_or_else(closed)?;
        let of = KeyOf { tenant: self.tenant, owner, serial: *serial };
        let sealed = self.vault.seal(&of, key, place, text).ok_or_else(closed)?;
        Ok(format!("{serial}.{}", STANDARD_NO_PAD.encode(sealed)))
    }

    /// The current key of each owner, generated if there is none.
    async fn live_keys(&self, owners: BTreeSet<String>) -> Result<BTreeMap<String, (i64, WrappedKey)>> {
        let mut live = BTreeMap::new();
        // Twice: another transaction may have generated one concurrently.
        for attempt in 0..2 {
            let known = self.keys_of_people(&owners).await?;
            let mut last: BTreeMap<&str, i64> = BTreeMap::new();
            for PersonKey { owner, serial, key } in &known {
                let last = last.entry(owner).or_default();
                *last = (*last).max(*serial);
                if let Some(key) = key {
                    live.insert(owner.clone(), (*serial, key.clone()));
                }
            }
            let missing: Vec<&String> = owners.iter().filter(|owner| !live.contains_key(*owner)).collect();
            if missing.is_empty() || attempt == 1 {
                break;
            }
            let next = |owner: &str| last.get(owner).copied().unwrap_or_default() + 1;
            let of: Vec<KeyOf<'_>> =
                missing.iter().map(|owner| KeyOf { tenant: self.tenant, owner, serial: next(owner) }).collect();
            let none = || StoreError::Invalid { detail: "there is no key to wrap keys with".to_owned() };
            let drawn = self.vault.draw(&of).ok_or_else(none)?;
            let row = |(KeyOf { owner, serial, .. }, WrappedKey { generation, wrapped }): (&KeyOf<'_>, WrappedKey)| {
                args![self.tenant, *owner, *serial, generation, wrapped]
            };
            let rows = of.iter().zip(drawn).map(row).collect();
            let head = "INSERT INTO person_key (tenant_id, owner, serial, generation, wrapped)";
            let tail = " ON CONFLICT (tenant_id, owner, serial) DO NOTHING";
            self.exec.execute_all(insert_many(head, rows, tail)).await?;
        }
        Ok(live)
    }

    /// Destroys the keys of a person: everything sealed with them becomes unreadable, in all
    /// versions and copies. Returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn destroy_keys(&self, owner: &str, at: Instant) -> Result<u64> {
        let sql = "UPDATE person_key SET wrapped = NULL, destroyed_at = $3
                   WHERE tenant_id = $1 AND owner = $2 AND wrapped IS NOT NULL";
        self.exec.execute(Sql::new(sql, args![self.tenant, owner, at])).await
    }

    /// Re-wraps keys; returns the number of those not destroyed meanwhile.
    ///
    /// # Errors
    /// `Corrupt` if one cannot be unwrapped, as its wrapping key is missing.
    pub async fn wrap_keys_anew(&self, keys: &[PersonKey]) -> Result<u64> {
        let old = keys.iter().filter_map(|PersonKey { owner, serial, key }| {
            Some((KeyOf { tenant: self.tenant, owner, serial: *serial }, key.as_ref()?))
        });
        let old: Vec<(KeyOf<'_>, &WrappedKey)> = old.collect();
        let lost = || StoreError::corrupt("a person's key cannot be unwrapped");
        let new = self.vault.wrap_anew(&old).ok_or_else(lost)?;
        let mut wrapped = 0;
        for ((KeyOf { owner, serial, .. }, _), new) in old.into_iter().zip(new) {
            let sql = "UPDATE person_key SET wrapped = $4, generation = $5
                       WHERE tenant_id = $1 AND owner = $2 AND serial = $3 AND wrapped IS NOT NULL";
            let args = args![self.tenant, owner, serial, new.wrapped, new.generation];
            wrapped += self.exec.execute(Sql::new(sql, args)).await?;
        }
        Ok(wrapped)
    }
}
