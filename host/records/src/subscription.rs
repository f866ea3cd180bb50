//! Subscriptions (FHIR R4, rest-hook): whoever may read is told of what is written.
//!
//! What matches is noted in the transaction that wrote it, and sent in that order later.
//! Whether the subscriber may see it is asked when it is sent, as they are then; the
//! trail says so before anything goes out. A resource `Subscription` shows how it
//! stands, but never the headers it is sent with.

use std::{collections::BTreeMap, time::Duration};

use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};
use xinglin_domain::{
    access::Action,
    audit::Act,
    code::Code,
    compartment::Compartments,
    id::PatientId,
    scope::{Right, Scopes},
    time::Instant,
};
use xinglin_fhir::{bundle, outcome, search};
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting, ambient, document, keys::Place};
use xinglin_runtime::HttpError;
use xinglin_store::{
    Resource, ResourceWrite, StoreError, Subscription, SubscriptionEvent, SubscriptionState, Tenant, TenantTx,
};

use crate::{consent, record};

/// Kind of what is sealed for a subscription.
const HEADERS: &str = "subscription-headers";

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// For how long a claim keeps others away: longer than a receiver may take.
pub const LEASE_SECONDS: i64 = 60;

/// How long one subscription is told what waits before it is the turn of the others.
const TURN: Duration = Duration::from_secs(5);

/// How often one thing is tried to be told.
const MOST_TRIES: i64 = 8;

/// How long after the first failure it is tried again; each time twice as long.
const FIRST_WAIT_SECONDS: i64 = 5;

/// Most headers, and most bytes of one.
const MOST_HEADERS: usize = 16;

const LONGEST_HEADER: usize = 4096;

/// What is kept of a subscription beside its resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Terms {
    criteria: String,
    endpoint: String,
    /// Whether what was written is sent along.
    whole: bool,
    end: Option<Instant>,
    /// What the token opened that it was made with.
    scopes: Option<String>,
}

impl Terms {
    fn of(subscription: &Subscription) -> AppResult<Self> {
        Self::deserialize(&subscription.body).map_err(AppError::internal)
    }

    /// The search that its criteria are. What they lead to by reference is never out of
    /// a compartment.
    fn search(&self) -> AppResult<search::Search> {
        let (kind, query) = self.criteria.split_once('?').unwrap_or((&self.criteria, ""));
        let mut search = search::parse(kind, &search::parameters(query.as_bytes()))?;
        search.query.withheld_beyond = Compartments::ALL;
        Ok(search)
    }
}

/// Notes what of this is to be told, in the transaction that wrote it.
pub(crate) async fn notice(tx: &TenantTx, writes: &[ResourceWrite], now: Instant) -> AppResult<()> {
    const LOOKED_AT: usize = 200;
    let mut written: BTreeMap<&str, Vec<&ResourceWrite>> = BTreeMap::new();
    for write in writes.iter().filter(|write| !write.deleted) {
        written.entry(&write.kind).or_default().push(write);
    }
    let kinds: Vec<&str> = written.keys().copied().collect();
    if kinds.is_empty() {
        return Ok(());
    }
    let mut events = Vec::new();
    for subscription in tx.list_active_subscriptions(&kinds).await? {
        let terms = Terms::of(&subscription)?;
        let mut search = match terms.search() {
            Ok(search) if terms.end.is_none_or(|end| now < end) => search,
            Ok(_) => continue,
            Err(error) => {
                tracing::error!(subscription = subscription.id, %error, "criteria cannot be read any more");
                continue;
            }
        };
        for writes in written.get(subscription.kind.as_str()).into_iter().flat_map(|all| all.chunks(LOOKED_AT)) {
            search.query.ids = writes.iter().map(|write| write.id.clone()).collect();
            let found = tx.list_resources(&search.query, None, u32::try_from(LOOKED_AT).unwrap_or(u32::MAX)).await?;
            // In the order in which it was written.
            for write in writes.iter().filter(|write| found.iter().any(|resource| resource.id == write.id)) {
                events.push(SubscriptionEvent {
                    subscription: subscription.id.clone(),
                    id: format!("{:032x}", ambient::fresh_id()),
                    kind: write.kind.clone(),
                    resource: write.id.clone(),
                    version: write.version,
                });
            }
        }
    }
    tx.insert_subscription_events(&events).await?;
    Ok(())
}

/// Somebody writes or deletes a `Subscription`: what is kept of it follows, and the
/// resource becomes what may be read of it.
///
/// # Errors
/// `FHIR_INVALID`, naming the element; `AUTH_FORBIDDEN` or `ACCESS_COMPARTMENT` if
/// the caller may not read what it would tell.
pub(crate) async fn subscribe(
    platform: &Platform,
    tx: &TenantTx,
    caller: &Caller,
    planned: &mut bundle::Planned,
) -> AppResult<()> {
    caller.may(Action::SubscribeRecords)?;
    if planned.action.is_delete() {
        return Ok(tx.delete_subscription(&planned.id).await?);
    }
    let Asked { terms, kind, off, headers } = read(&planned.resource, caller)?;
    let search = terms.search()?;
    if let Some(ignored) = search.ignored.first() {
        return Err(invalid("criteria", &format!("cannot be heeded: {}", ignored.0.message)));
    }
    if !search.include.is_empty() || !search.revinclude.is_empty() {
        return Err(invalid("criteria", "is about one type; nothing is included"));
    }
    may_be_told(caller, &terms, &kind)?;
    // Who asks for a code of a compartment is told that it is closed.
    crate::search::reach(platform, caller, &search.query).await?;

    let known = tx.find_subscription(&planned.id).await?;
    let known_terms = known.as_ref().map(Terms::of).transpose()?;
    let same_way = known.as_ref().is_some_and(|known| known.account == caller.actor.account)
        && known_terms.as_ref().is_some_and(|known| known.endpoint == terms.endpoint);
    let same_thing = same_way && known_terms.as_ref().is_some_and(|known| known.criteria == terms.criteria);
    let sealed = match headers {
        Some(headers) if headers.is_empty() => None,
        Some(headers) => {
            let text = serde_json::to_vec(&headers).map_err(AppError::internal)?;
            Some(platform.keys().seal(&place(tx.id(), &planned.id), &text))
        }
        // They are not given out, so nobody can send them back; but they go nowhere else.
        None if same_way => known.as_ref().and_then(|known| known.sealed.clone()),
        None => None,
    };
    if !same_thing {
        tx.clear_subscription(&planned.id).await?;
    }
    tx.put_subscription(&Subscription {
        tenant: tx.id(),
        id: planned.id.clone(),
        account: caller.actor.account,
        state: if off { SubscriptionState::Off } else { SubscriptionState::Requested },
        kind,
        body: serde_json::to_value(&terms).map_err(AppError::internal)?,
        sealed,
        delivered: known.filter(|_| same_thing).map_or(0, |known| known.delivered),
        attempts: 0,
        due_at: caller.now,
        version: 0,
    })
    .await?;
    planned.resource["status"] = if off { "off" } else { "requested" }.into();
    if let Some(fields) = planned.resource.as_object_mut() {
        fields.remove("error");
        fields.remove("_error");
    }
    if let Some(channel) = planned.resource["channel"].as_object_mut() {
        channel.remove("header");
        channel.remove("_header");
    }
    Ok(())
}

/// Tells one subscription what there is to be told, in order.
pub async fn tell(platform: &Platform, mut subscription: Subscription) -> AppResult<()> {
    let records = platform.store().tenant(subscription.tenant);
    let terms = Terms::of(&subscription)?;
    if subscription.state == SubscriptionState::Requested {
        let handshake = notification(platform, &subscription, "handshake", None)?;
        let answered = match may_still(platform, &subscription, &terms).await? {
            Ok(_) => post(platform, &subscription, &terms, handshake).await,
            Err(reason) => Err(reason),
        };
        subscription.due_at = platform.now();
        return settle(platform, &records, &mut subscription, answered.err(), SubscriptionState::Active).await;
    }
    let started = tokio::time::Instant::now();
    while started.elapsed() < TURN {
        let now = platform.now();
        if terms.end.is_some_and(|end| now >= end) {
            return settle(platform, &records, &mut subscription, None, SubscriptionState::Off).await;
        }
        let caller = match may_still(platform, &subscription, &terms).await? {
            Ok(caller) => caller,
            Err(reason) => {
                let off = SubscriptionState::Error;
                return settle(platform, &records, &mut subscription, Some(reason), off).await;
            }
        };
        let Some(event) = records.next_subscription_event(&subscription.id).await? else { break };
        if let Some(resource) = tellable(platform, &records, &caller, &event).await? {
            if subscription.attempts == 0 {
                write_down(platform, &caller, &subscription, &terms, &resource).await?;
            }
            subscription.delivered += 1;
            let told = (&resource, terms.whole);
            let notification = notification(platform, &subscription, "event-notification", Some(told))?;
            if let Err(reason) = post(platform, &subscription, &terms, notification).await {
                subscription.delivered -= 1;
                subscription.attempts += 1;
                if subscription.attempts >= MOST_TRIES {
                    let error = SubscriptionState::Error;
                    return settle(platform, &records, &mut subscription, Some(reason), error).await;
                }
                let wait = FIRST_WAIT_SECONDS << (subscription.attempts - 1).clamp(0, 16);
                subscription.due_at = platform.now().plus_seconds(wait);
                tracing::info!(subscription = subscription.id, reason, wait, "a notification failed");
                let tx = records.begin().await?;
                tx.note_subscription(&subscription, None).await?;
                return Ok(tx.commit().await?);
            }
            subscription.attempts = 0;
        }
        let tx = records.begin().await?;
        if !tx.note_subscription(&subscription, Some(platform.now().plus_seconds(LEASE_SECONDS))).await? {
            return Ok(());
        }
        tx.delete_subscription_event(&event).await?;
        tx.commit().await?;
    }
    let tx = records.begin().await?;
    tx.note_subscription(&subscription, None).await?;
    Ok(tx.commit().await?)
}

/// The subscriber with the rights of this moment, or why they have none any more.
async fn may_still(
    platform: &Platform,
    subscription: &Subscription,
    terms: &Terms,
) -> AppResult<Result<Caller, String>> {
    let caller = match acting::acting(platform, subscription.tenant, subscription.account).await {
        Ok(caller) => caller,
        Err(error) if error.code == Code::AuthForbidden => return Ok(Err(error.detail)),
        Err(error) => return Err(error),
    };
    Ok(match may_be_told(&caller, terms, &subscription.kind) {
        Ok(()) => Ok(caller),
        Err(_) => Err("the subscriber may not read this any more".to_owned()),
    })
}

/// What an event is about, as far as the subscriber may be told.
async fn tellable(
    platform: &Platform,
    records: &Tenant,
    caller: &Caller,
    event: &SubscriptionEvent,
) -> AppResult<Option<Resource>> {
    let found = match records.get_resource(&event.kind, &event.resource).await {
        Ok(current) if current.deleted => return Ok(None),
        Ok(_) => records.get_resource_version(&event.kind, &event.resource, event.version).await,
        Err(error) => Err(error),
    };
    let resource = match found {
        Ok(resource) => resource,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let labels = records.resource_compartments(&event.kind, &event.resource).await?;
    if !consent::may_read(platform, caller, &resource, labels).await? {
        return Ok(None);
    }
    Ok(consent::exportable(records, caller, &event.kind, vec![resource]).await?.pop())
}

/// Before it is sent: what went out is never unknown.
async fn write_down(
    platform: &Platform,
    caller: &Caller,
    subscription: &Subscription,
    terms: &Terms,
    resource: &Resource,
) -> AppResult<()> {
    let patient: Option<PatientId> = resource.patient_id.as_deref().and_then(|id| id.parse().ok());
    let host = Url::parse(&terms.endpoint).ok().and_then(|url| url.host_str().map(str::to_owned));
    let (Resource { kind, id, .. }, host) = (resource, host.unwrap_or_default());
    let target = format!("Subscription/{} /{kind}/{id} to {host}", subscription.id);
    let access = caller.access(Act::Disclose, patient, target);
    Ok(platform.store().append_access(subscription.tenant, access).await?)
}

async fn post(platform: &Platform, subscription: &Subscription, terms: &Terms, body: Vec<u8>) -> Result<(), String> {
    let mut headers = Vec::new();
    if let Some(sealed) = &subscription.sealed {
        let opened = platform.keys().unseal(&place(subscription.tenant, &subscription.id), sealed);
        let kept: Option<Vec<(String, String)>> = opened.and_then(|text| serde_json::from_slice(&text).ok());
        let Some(kept) = kept else { return Err("its headers cannot be opened; write it again".to_owned()) };
        for (name, value) in kept {
            headers.extend(header(&name, &value));
        }
    }
    let url = Url::parse(&terms.endpoint).map_err(|_| "no URL".to_owned())?;
    let status = platform.egress().post(url, headers, "application/fhir+json", body, PATIENCE).await;
    match status {
        Ok(200..=299) => Ok(()),
        Ok(status) => Err(format!("the receiver answered {status}")),
        Err(HttpError::Denied(why) | HttpError::Invalid(why) | HttpError::Unavailable(why) | HttpError::Other(why)) => {
            Err(format!("the receiver could not be told: {why}"))
        }
        Err(HttpError::Timeout | HttpError::TooLarge(_) | HttpError::TooMany) => {
            Err("the receiver did not answer in time".to_owned())
        }
    }
}

/// Notes that a subscription is now in another state, and shows it.
async fn settle(
    platform: &Platform,
    records: &Tenant,
    subscription: &mut Subscription,
    error: Option<String>,
    otherwise: SubscriptionState,
) -> AppResult<()> {
    subscription.state = if error.is_some() { SubscriptionState::Error } else { otherwise };
    subscription.attempts = 0;
    let now = platform.now();
    let tx = records.begin().await?;
    if !tx.note_subscription(subscription, None).await? {
        return Ok(());
    }
    let current = tx.get_resource("Subscription", &subscription.id).await?;
    let mut resource = document::value(&current)?;
    resource["status"] = subscription.state.as_str().into();
    if let Some(fields) = resource.as_object_mut() {
        match &error {
            Some(reason) => drop(fields.insert("error".to_owned(), reason.as_str().into())),
            None => drop(fields.remove("error")),
        }
    }
    record::project(&tx, vec![resource], now).await?;
    tx.commit().await?;
    let (id, state) = (&subscription.id, subscription.state.as_str());
    tracing::info!(subscription = id, state, reason = error.as_deref(), "a subscription changed");
    Ok(())
}

/// What a receiver gets, in the shape of the Subscriptions R5 backport: a history
/// that begins with how the subscription stands.
fn notification(
    platform: &Platform,
    subscription: &Subscription,
    kind: &str,
    told: Option<(&Resource, bool)>,
) -> AppResult<Vec<u8>> {
    let base = format!("{}{}", platform.config().base_url(), xinglin_fhir::BASE);
    let id = &subscription.id;
    let status = json!({
        "resource": { "resourceType": "Parameters", "parameter": [
            { "name": "subscription", "valueReference": { "reference": format!("{base}/Subscription/{id}") } },
            { "name": "status", "valueCode": subscription.state.as_str() },
            { "name": "type", "valueCode": kind },
            { "name": "events-since-subscription-start", "valueString": subscription.delivered.to_string() },
        ] },
        "request": { "method": "GET", "url": format!("Subscription/{id}") },
        "response": { "status": "200" },
    });
    let mut entries = vec![status];
    if let Some((resource, whole)) = told {
        let Resource { kind, id, version, last_updated, .. } = resource;
        let mut entry = json!({
            "fullUrl": format!("{base}/{kind}/{id}"),
            "request": { "method": "PUT", "url": format!("{kind}/{id}") },
            "response": {
                "status": if *version == 1 { "201" } else { "200" },
                "etag": format!("W/\"{version}\""), "lastModified": last_updated.to_string(),
            },
        });
        if whole {
            entry["resource"] = document::value(resource)?;
        }
        entries.push(entry);
    }
    let bundle = json!({
        "resourceType": "Bundle", "type": "history", "timestamp": platform.now().to_string(), "entry": entries,
    });
    serde_json::to_vec(&bundle).map_err(AppError::internal)
}

/// What headers are bound to.
fn place(tenant: xinglin_domain::id::TenantId, id: &str) -> Place<'_> {
    Place { tenant, owner: id, kind: HEADERS, name: "" }
}

/// Whether somebody may be told of this type, and of what its criteria reach.
fn may_be_told(caller: &Caller, terms: &Terms, kind: &str) -> AppResult<()> {
    caller.may(Action::SubscribeRecords)?;
    caller.may(Action::ReadRecords)?;
    let of_token = terms.scopes.as_deref().map(str::parse::<Scopes>).transpose().map_err(AppError::internal)?;
    let query = terms.criteria.split_once('?').map_or("", |(_, query)| query);
    let reaches = search::reaches(query);
    for scopes in caller.bounds.wide_scopes().iter().chain(&of_token) {
        let open = [Right::Read, Right::Search]
            .into_iter()
            .all(|right| if reaches { scopes.allow_all(right) } else { scopes.allow(kind, right) });
        if !open {
            let detail = format!("a subscription to {kind} takes the right to read and search what it reaches");
            return Err(AppError::new(Code::AuthForbidden, detail));
        }
    }
    Ok(())
}

/// What is asked for, apart from the resource that shows it.
struct Asked {
    terms: Terms,
    kind: String,
    off: bool,
    /// `None` if it says nothing of them.
    headers: Option<Vec<(String, String)>>,
}

fn read(resource: &Value, caller: &Caller) -> AppResult<Asked> {
    let text = |name: &str| resource[name].as_str();
    let channel = &resource["channel"];
    let off = match text("status") {
        Some("requested" | "active" | "error") => false,
        Some("off") => true,
        _ => return Err(invalid("status", "must be requested or off")),
    };
    if text("reason").is_none_or(|reason| reason.trim().is_empty()) {
        return Err(invalid("reason", "is missing: say what for"));
    }
    let criteria = text("criteria").ok_or_else(|| invalid("criteria", "is missing: a search, `Observation?code=…`"))?;
    let kind = criteria.split('?').next().unwrap_or_default();
    if !xinglin_fhir::is_type_name(kind) || criteria.len() > 2000 {
        return Err(invalid("criteria", "must be a search for one type, `Observation?code=…`"));
    }
    if matches!(kind, "Subscription" | "AuditEvent") {
        return Err(invalid("criteria", "nobody is told of these"));
    }
    if channel["type"] != "rest-hook" {
        return Err(invalid("channel.type", "must be rest-hook"));
    }
    let whole = match channel["payload"].as_str() {
        None => false,
        Some("application/fhir+json") => true,
        Some(_) => return Err(invalid("channel.payload", "must be application/fhir+json, or left out")),
    };
    let endpoint = channel["endpoint"].as_str().unwrap_or_default();
    let url = Url::parse(endpoint).map_err(|_| invalid("channel.endpoint", "must be a URL"))?;
    let literal = matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
    match url.scheme() {
        "https" => {}
        // Such an address is reached only where the operator opened its network.
        "http" if literal => {}
        _ => return Err(invalid("channel.endpoint", "must begin with https://")),
    }
    if url.host().is_none() || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(invalid("channel.endpoint", "must have no user and no fragment; secrets belong into `header`"));
    }
    let end = match text("end") {
        None => None,
        Some(end) => Some(Instant::parse(end).ok_or_else(|| invalid("end", "must be an instant"))?),
    };
    let headers = match channel.get("header") {
        None => None,
        Some(Value::Array(lines)) if lines.len() <= MOST_HEADERS => Some(
            lines
                .iter()
                .map(|line| {
                    let wrong = || invalid("channel.header", "must be lines `Name: value`");
                    let (name, value) = line.as_str().and_then(|line| line.split_once(':')).ok_or_else(wrong)?;
                    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
                    if ours(&name) {
                        return Err(invalid("channel.header", &format!("`{name}` is set by the server")));
                    }
                    header(&name, &value).ok_or_else(wrong)?;
                    Ok((name, value))
                })
                .collect::<AppResult<Vec<_>>>()?,
        ),
        Some(_) => return Err(invalid("channel.header", "must be a short list of lines")),
    };
    let scopes = caller.bounds.wide_scopes().map(|scopes| scopes.to_string());
    let terms = Terms { criteria: criteria.to_owned(), endpoint: url.to_string(), whole, end, scopes };
    Ok(Asked { terms, kind: kind.to_owned(), off, headers })
}

/// Headers that say how a message is carried.
fn ours(name: &str) -> bool {
    const OURS: [&str; 9] = [
        "accept-encoding",
        "connection",
        "expect",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    OURS.contains(&name) || name.starts_with("content-") || name.starts_with("proxy-")
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut sound = HeaderValue::from_str(value).ok().filter(|_| value.len() <= LONGEST_HEADER)?;
    sound.set_sensitive(true);
    Some((name.parse().ok()?, sound))
}

fn invalid(element: &str, what: &str) -> AppError {
    let message = format!("Subscription.{element} {what}");
    let mut error = AppError::new(Code::FhirInvalid, message.clone());
    let mut told = outcome::of_refusal("invalid", Code::FhirInvalid.as_str(), &message);
    told["issue"][0]["expression"] = json!([format!("Subscription.{element}")]);
    error.outcome = Some(Box::new(told));
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_carry_secrets_and_nothing_else() {
        for name in ["host", "content-length", "transfer-encoding", "proxy-authorization"] {
            assert!(ours(name), "{name}");
        }
        assert!(!ours("authorization") && !ours("x-api-key"));
        assert!(header("x-key", "a\r\nhost: b").is_none() && header("x key", "a").is_none());
        let (_, value) = header("authorization", "Bearer s3cret").expect("a header");
        assert!(!format!("{value:?}").contains("s3cret"));
    }
}
