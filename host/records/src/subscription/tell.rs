use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use url::Url;
use xinglin_domain::{audit::Act, code::Code, id::PatientId};
use xinglin_platform::{AppError, AppResult, Caller, Platform, acting, boxed, document, egress::NoAnswer, work};
use xinglin_store::{NEVER, Queue, Resource, StoreError, Subscription, SubscriptionState, Tenant, Work};

use super::{header, may_be_told, place};
use crate::{
    consent,
    criteria::{Notice, Terms},
    resource,
};

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often one thing is tried to be told.
const MOST_TRIES: i64 = 8;

/// How long after the first failure it is tried again; each time twice as long.
const FIRST_WAIT_SECONDS: i64 = 5;

/// Tells a subscriber one thing. What comes after it waits until it was told.
///
/// # Errors
/// If the store fails; a receiver that does is tried again, ever later.
#[boxed]
pub async fn tell(platform: &Platform, work: Work) -> AppResult<()> {
    let records = platform.store().tenant(work.tenant);
    let Some(mut subscription) = records.find_subscription(&work.lane).await? else {
        // It was deleted while this was written.
        return work::finish(&records, &work).await;
    };
    if !matches!(subscription.state, SubscriptionState::Requested | SubscriptionState::Active) {
        // What waits, waits until the next handshake.
        return work::postpone(&records, &work, NEVER).await;
    }
    let terms = Terms::of(&subscription)?;
    let (kind, resource, version) = match Notice::deserialize(&work.payload).map_err(AppError::internal)? {
        Notice::Handshake => return shake_hands(platform, &records, &work, subscription, &terms).await,
        Notice::Event { kind, resource, version } => (kind, resource, version),
    };
    if terms.end.is_some_and(|end| platform.now() >= end) {
        return settle(platform, &records, &work, subscription, Settled::Off).await;
    }
    let caller = match may_still(platform, &subscription, &terms).await? {
        Ok(caller) => caller,
        Err(reason) => return settle(platform, &records, &work, subscription, Settled::Error(reason)).await,
    };
    if let Some(resource) = tellable(platform, &records, &caller, (&kind, &resource, version)).await? {
        if subscription.attempts == 0 || work.attempts <= 1 {
            write_down(platform, &caller, &subscription, &terms, &resource).await?;
        }
        let told = Subscription { delivered: subscription.delivered + 1, attempts: 0, ..subscription.clone() };
        let event = notification(platform, &told, "event-notification", Some((&resource, terms.whole)))?;
        if let Err(reason) = post(platform, &subscription, &terms, event).await {
            subscription.attempts += 1;
            if subscription.attempts >= MOST_TRIES {
                return settle(platform, &records, &work, subscription, Settled::Error(reason)).await;
            }
            let wait = FIRST_WAIT_SECONDS << (subscription.attempts - 1).clamp(0, 16);
            tracing::info!(subscription = subscription.id, reason, wait, "a notification failed");
            let tx = records.begin().await?;
            if tx.put_off_work(&work, platform.now().plus_seconds(wait)).await? {
                tx.note_subscription(&subscription).await?;
            }
            return Ok(tx.commit().await?);
        }
        subscription = told;
    } else {
        // What was tried in vain is not to be told any more.
        subscription.attempts = 0;
    }
    let tx = records.begin().await?;
    if tx.finish_work(&work).await? {
        tx.note_subscription(&subscription).await?;
    }
    Ok(tx.commit().await?)
}

async fn shake_hands(
    platform: &Platform,
    records: &Tenant,
    work: &Work,
    subscription: Subscription,
    terms: &Terms,
) -> AppResult<()> {
    let handshake = notification(platform, &subscription, "handshake", None)?;
    let answered = match may_still(platform, &subscription, terms).await? {
        Ok(_) => post(platform, &subscription, terms, handshake).await,
        Err(reason) => Err(reason),
    };
    let settled = answered.map_or_else(Settled::Error, |()| Settled::Active);
    settle(platform, records, work, subscription, settled).await
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
    (kind, id, version): (&str, &str, i64),
) -> AppResult<Option<Resource>> {
    let found = match records.get_resource(kind, id).await {
        Ok(current) if current.deleted => return Ok(None),
        Ok(_) => records.get_resource_version(kind, id, version).await,
        Err(error) => Err(error),
    };
    let resource = match found {
        Ok(resource) => resource,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let labels = records.resource_compartments(kind, id).await?;
    if !consent::may_read(platform, caller, &resource, labels).await? {
        return Ok(None);
    }
    Ok(consent::exportable(records, caller, kind, vec![resource]).await?.pop())
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
        Err(NoAnswer::Denied(why) | NoAnswer::Unavailable(why)) => {
            Err(format!("the receiver could not be told: {why}"))
        }
        Err(NoAnswer::Timeout) => Err("the receiver did not answer in time".to_owned()),
    }
}

/// What becomes of a subscription.
enum Settled {
    /// The receiver answered.
    Active,
    /// It has ended.
    Off,
    /// It went wrong too often, or must not go on.
    Error(String),
}

/// Notes that a subscription is now in another state, and shows it. The handshake is
/// done with; an event waits until it is wanted again.
async fn settle(
    platform: &Platform,
    records: &Tenant,
    work: &Work,
    mut subscription: Subscription,
    settled: Settled,
) -> AppResult<()> {
    let (state, error) = match settled {
        Settled::Active => (SubscriptionState::Active, None),
        Settled::Off => (SubscriptionState::Off, None),
        Settled::Error(reason) => (SubscriptionState::Error, Some(reason)),
    };
    subscription.state = state;
    subscription.attempts = 0;
    let now = platform.now();
    let tx = records.begin().await?;
    let mine = match work.subject {
        None => tx.finish_work(work).await?,
        Some(_) => tx.put_off_work(work, NEVER).await?,
    };
    if !mine {
        return Ok(());
    }
    if state != SubscriptionState::Active {
        tx.move_lane(Queue::Subscription, &work.lane, NEVER).await?;
    }
    tx.note_subscription(&subscription).await?;
    let current = tx.get_resource("Subscription", &subscription.id).await?;
    let mut resource = document::value(&current)?;
    resource["status"] = subscription.state.as_str().into();
    if let Some(fields) = resource.as_object_mut() {
        match &error {
            Some(reason) => drop(fields.insert("error".to_owned(), reason.as_str().into())),
            None => drop(fields.remove("error")),
        }
    }
    resource::project(&tx, vec![resource], now).await?;
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
