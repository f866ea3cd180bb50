//! Host services of a call: requests to servers, the tenant's secrets, the patient's identity,
//! and the plugin's keys.

use std::collections::BTreeSet;

use serde_json::Value;
use xinglin_domain::{
    audit::{Access, Act, Who},
    consent::Purpose,
    id::{CallId, PatientId, TenantId},
};
use xinglin_fhir::person;
use xinglin_platform::{Platform, ambient, keys::Place};
use xinglin_records::consent;
use xinglin_runtime::{
    Egress, EgressFuture, HttpError, HttpRequest, HttpResponse, Identity, IdentityField, IdentityFuture, KeyKind,
    Keyring, KeyringFuture, KeyringUnavailable, Piece, Placeholder, PluginPublicKey, Secrets, SecretsFuture, pieces,
};
use xinglin_store::{Disclosure, PluginSecret, StoreError, Tenant};

use crate::egress::{self, Means, key::PluginKey, substitution::Values};

/// Kind of rows with secrets, as opposed to keys.
pub(crate) const SECRET: &str = "secret";

/// One call of one plugin.
#[derive(Clone)]
pub(crate) struct PluginEgress {
    pub platform: Platform,
    pub tenant: TenantId,
    pub plugin: String,
    pub call: CallId,
    /// The patient of the call, if any, and its purpose.
    pub subject: Option<(PatientId, Purpose)>,
}

impl PluginEgress {
    fn records(&self) -> Tenant {
        self.platform.store().tenant(self.tenant)
    }

    /// The decrypted value; `None` if there is none.
    async fn kept(&self, kind: &str, name: &str) -> Result<Option<Vec<u8>>, HttpError> {
        let row = self.records().find_plugin_secret(&self.plugin, kind, name).await.map_err(|e| self.away(&e))?;
        let Some(row) = row else { return Ok(None) };
        let content = open_secret(&self.platform, &row);
        match content {
            Some(content) => Ok(Some(content)),
            None => {
                tracing::error!(tenant = %self.tenant, plugin = self.plugin, kind, name, "a sealed value cannot be opened");
                Err(HttpError::Other(format!("`{name}` cannot be opened; the tenant must set it again")))
            }
        }
    }

    async fn key(&self, kind: KeyKind, name: &str) -> Result<Option<PluginKey>, HttpError> {
        Ok(self.kept(kind.as_str(), name).await?.and_then(|secret| PluginKey::read(kind, &secret)))
    }

    fn away(&self, error: &StoreError) -> HttpError {
        tracing::error!(%error, call = %self.call, "the store did not answer a plugin's request");
        HttpError::Other("the host could not prepare the request; nothing was sent".to_owned())
    }

    /// The patient's resource, if the call is about one.
    async fn person(&self) -> Result<Option<Value>, StoreError> {
        let Some((patient, _)) = self.subject else { return Ok(None) };
        match self.records().get_resource("Patient", &patient.to_string()).await {
            Ok(resource) => Ok(serde_json::from_str(resource.body.get()).ok()),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The values of all granted placeholders; those in use must exist.
    async fn values(&self, guarded: &BTreeSet<Placeholder>, used: &BTreeSet<Placeholder>) -> Result<Values, HttpError> {
        let mut values = Values::default();
        let named = guarded.iter().any(|place| matches!(place, Placeholder::Patient(_)));
        let person = if named { self.person().await.map_err(|e| self.away(&e))? } else { None };
        for place in guarded.union(used) {
            let (value, missing) = match place {
                Placeholder::Secret(name) => {
                    let kept = self.kept(SECRET, name).await?;
                    (kept.and_then(|value| String::from_utf8(value).ok()), "the tenant has set no value")
                }
                Placeholder::Patient(field) => {
                    let known = person.as_ref().and_then(|person| person::field(person, *field));
                    (known, "not known of the patient of this call")
                }
            };
            match value {
                Some(value) => drop(values.0.insert(place.clone(), value)),
                None if used.contains(place) => return Err(HttpError::Invalid(format!("{place}: {missing}"))),
                None => {}
            }
        }
        Ok(values)
    }

    /// Whether the patient consented to the disclosure of the identity data that the request
    /// uses, if any.
    async fn may_identify(&self, places: &BTreeSet<Placeholder>) -> Result<(), HttpError> {
        let named = places.iter().find(|place| matches!(place, Placeholder::Patient(_)));
        let (Some(place), Some((patient, purpose))) = (named, self.subject) else { return Ok(()) };
        match consent::identifies(&self.platform, &self.records(), &self.plugin, patient, purpose).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(HttpError::Denied(format!("{place}: the patient has not consented to it"))),
            Err(error) => {
                tracing::error!(detail = error.detail, call = %self.call, "a patient's consents could not be read");
                Err(HttpError::Other("the host could not prepare the request; nothing was sent".to_owned()))
            }
        }
    }

    async fn means(&self, request: &HttpRequest, places: &BTreeSet<Placeholder>) -> Result<Means, HttpError> {
        let missing = |name: &str| HttpError::Invalid(format!("the tenant has made no key `{name}`"));
        Ok(Means {
            values: self.values(&request.guarded, places).await?,
            encrypt_with: match &request.encrypt_with {
                None => None,
                Some(name) => Some(self.key(KeyKind::Sm4, name).await?.ok_or_else(|| missing(name))?),
            },
            sign_with: match &request.sign_with {
                None => None,
                Some(sign) => Some(self.key(sign.kind, &sign.key).await?.ok_or_else(|| missing(&sign.key))?),
            },
        })
    }

    /// Stored before anything is sent, so every disclosure is recorded.
    async fn disclose(&self, places: &BTreeSet<Placeholder>, host: &str) -> Result<(), HttpError> {
        let Some((patient, purpose)) = self.subject else { return Ok(()) };
        let rows: Vec<Disclosure> = places
            .iter()
            .filter_map(|place| match place {
                Placeholder::Patient(field) => Some(Disclosure {
                    id: format!("{:032x}", ambient::fresh_id()),
                    patient_id: patient.to_string(),
                    plugin_id: self.plugin.clone(),
                    call_id: self.call,
                    field: field.name().to_owned(),
                    host: host.to_owned(),
                    at: self.platform.now(),
                }),
                Placeholder::Secret(_) => None,
            })
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        let fields: Vec<&str> = rows.iter().map(|row| row.field.as_str()).collect();
        let access = Access {
            at: self.platform.now(),
            who: Who::Plugin { id: self.plugin.clone(), call: self.call },
            act: Act::Disclose,
            purpose,
            patients: vec![patient],
            target: format!("{} to {host}", fields.join(", ")),
            refused: None,
            emergency: false,
            request: String::new(),
        };
        let write = async {
            let tx = self.records().begin().await?;
            tx.append_disclosures(&rows).await?;
            tx.append_audit(&[access]).await?;
            tx.commit().await
        };
        write.await.map_err(|error| self.away(&error))
    }

    async fn request(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let started = std::time::Instant::now();
        let (method, host, limit) = (request.method.as_str(), request.host.clone(), request.timeout);
        let places = placeholders(&request)?;
        let prepared = async {
            self.may_identify(&places).await?;
            let means = self.means(&request, &places).await?;
            self.disclose(&places, &host).await?;
            Ok(means)
        };
        let answer = match tokio::time::timeout(limit, prepared).await {
            Err(_) => Err(HttpError::Timeout),
            Ok(Err(error)) => Err(error),
            Ok(Ok(means)) => {
                let timeout = limit.saturating_sub(started.elapsed());
                egress::send(self.platform.egress(), HttpRequest { timeout, ..request }, &means).await
            }
        };
        let status = match &answer {
            Ok(response) => response.status.to_string(),
            Err(HttpError::Denied(_)) => "denied".to_owned(),
            Err(HttpError::Invalid(_)) => "invalid".to_owned(),
            Err(HttpError::Timeout) => "timeout".to_owned(),
            Err(HttpError::TooLarge(_)) => "too large".to_owned(),
            Err(HttpError::TooMany) => "too many".to_owned(),
            Err(HttpError::Unavailable(_)) => "unavailable".to_owned(),
            Err(HttpError::Other(_)) => "failed".to_owned(),
        };
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "xinglin::egress",
            tenant = %self.tenant, plugin = self.plugin, call = %self.call, method, host, status, millis,
            "a plugin's request"
        );
        answer
    }
}

/// Every placeholder of a request, once.
fn placeholders(request: &HttpRequest) -> Result<BTreeSet<Placeholder>, HttpError> {
    let body = request.body.as_deref().and_then(|body| std::str::from_utf8(body).ok());
    let texts = [request.url.as_str()].into_iter().chain(request.headers.iter().map(|(_, value)| value.as_str()));
    let mut places = BTreeSet::new();
    for text in texts.chain(body) {
        places.extend(pieces(text).map_err(HttpError::Invalid)?.into_iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Text(_) => None,
        }));
    }
    Ok(places)
}

impl Egress for PluginEgress {
    fn send(&self, request: HttpRequest) -> EgressFuture<'_> {
        Box::pin(self.request(request))
    }
}

impl Secrets for PluginEgress {
    fn available(&self) -> SecretsFuture<'_> {
        Box::pin(async {
            let kept = self.records().list_plugin_secrets(&self.plugin).await.unwrap_or_else(|error| {
                self.away(&error);
                Vec::new()
            });
            kept.into_iter().filter(|secret| secret.kind == SECRET).map(|secret| secret.name).collect()
        })
    }
}

impl Identity for PluginEgress {
    fn available(&self) -> IdentityFuture<'_> {
        Box::pin(async {
            let person = self.person().await.unwrap_or_else(|error| {
                self.away(&error);
                None
            });
            let Some(person) = person else { return Vec::new() };
            IdentityField::ALL.into_iter().filter(|field| person::field(&person, *field).is_some()).collect()
        })
    }
}

impl Keyring for PluginEgress {
    fn public_keys(&self) -> KeyringFuture<'_, Vec<PluginPublicKey>> {
        Box::pin(async {
            let kept = self.records().list_plugin_secrets(&self.plugin).await.map_err(|error| {
                self.away(&error);
                KeyringUnavailable
            })?;
            let public = |row: PluginSecret| {
                let kind = [KeyKind::Ed25519, KeyKind::Sm2].into_iter().find(|kind| kind.as_str() == row.kind)?;
                Some(PluginPublicKey { key: row.name, kind, bytes: row.public? })
            };
            Ok(kept.into_iter().filter_map(public).collect())
        })
    }

    fn sign<'a>(&'a self, key: &'a str, kind: KeyKind, message: &'a [u8]) -> KeyringFuture<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let key = self.key(kind, key).await.map_err(|_| KeyringUnavailable)?;
            Ok(key.and_then(|key| key.sign(message)))
        })
    }
}

/// The decrypted content of a row, or `None` if it is not bound to this row.
pub(crate) fn open_secret(platform: &Platform, row: &PluginSecret) -> Option<Vec<u8>> {
    platform.keys().unseal(&place(row), &row.sealed)
}

/// The associated data of a row's content.
pub(crate) fn place(row: &PluginSecret) -> Place<'_> {
    Place { tenant: row.tenant, owner: &row.plugin_id, kind: &row.kind, name: &row.name }
}
