use serde_json::{Value, json};
use url::{Host, Url};
use xinglin_domain::{access::Action, code::Code, time::Instant};
use xinglin_fhir::{bundle, outcome};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed};
use xinglin_store::{NEVER, Queue, Subscription, SubscriptionState, TenantTx, Work};

use super::{handshake, header, may_be_told, place};
use crate::criteria::{Notice, Terms};

/// Most headers, and most bytes of one.
const MOST_HEADERS: usize = 16;

/// Somebody writes or deletes a `Subscription`: what is kept of it follows, and the
/// resource becomes what may be read of it.
///
/// # Errors
/// `FHIR_INVALID`, naming the element; `AUTH_FORBIDDEN` or `ACCESS_COMPARTMENT` if
/// the caller may not read what it would tell.
#[boxed]
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
    crate::search::search_scope(platform, caller, &search.query).await?;

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
    // The work before the row: the order in which whoever delivers it locks them. Who works
    // on it at this moment is overtaken; what waits goes on after the handshake, or once it
    // is wanted again.
    let lane = &planned.id;
    if same_thing {
        tx.drop_work_without_subject(Queue::Subscription, lane).await?;
        tx.move_lane(Queue::Subscription, lane, if off { NEVER } else { caller.now }).await?;
    } else {
        tx.drop_lane(Queue::Subscription, lane).await?;
    }
    if !off {
        let work = Work::new(Queue::Subscription, handshake(), lane, caller.now);
        tx.put_work(&[Work { payload: Notice::Handshake.stored()?, ..work }]).await?;
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
pub(super) fn ours(name: &str) -> bool {
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

fn invalid(element: &str, what: &str) -> AppError {
    let message = format!("Subscription.{element} {what}");
    let mut error = AppError::new(Code::FhirInvalid, message.clone());
    let mut told = outcome::of_refusal("invalid", Code::FhirInvalid.as_str(), &message);
    told["issue"][0]["expression"] = json!([format!("Subscription.{element}")]);
    error.outcome = Some(Box::new(told));
    error
}
