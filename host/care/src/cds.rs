//! CDS Hooks 2.0: every enabled checker of prescriptions is a decision support service,
//! for orders that are drafted elsewhere. The checkers are asked as they are when a
//! doctor signs here; nothing is signed by it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use xinglin_domain::{
    access::Action,
    audit::{Access, Act},
    code::Code,
    coding::Coding,
    consent::Purpose,
    id::{CallId, PatientId},
    review::{Answer, Finding, Order, ReviewError, Severity, Verdict},
};
use xinglin_extensions::{
    Extensions,
    call::{CARD, Calls, failed},
    plugin,
};
use xinglin_fhir::order;
use xinglin_platform::{AppError, AppResult, Caller, ambient, settings::settings};
use xinglin_records::{
    consent,
    record::{self, medication, medications},
};
use xinglin_runtime::{Interface, Plugin};
use xinglin_store::{Install, Tenant};

/// Longest summary, in characters (CDS Hooks 2.0, "fewer than 140").
const LONGEST_SUMMARY: usize = 139;

/// When a checker is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// A medicine is chosen.
    OrderSelect,
    /// The orders are about to be signed.
    OrderSign,
}

impl Hook {
    const ALL: [Self; 2] = [Self::OrderSelect, Self::OrderSign];

    /// As CDS Hooks calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderSelect => "order-select",
            Self::OrderSign => "order-sign",
        }
    }
}

/// What there is to ask.
#[derive(Serialize, ToSchema)]
pub struct Services {
    /// Two for each checker: one a hook.
    pub services: Vec<Service>,
}

/// A checker at a hook.
#[derive(Serialize, ToSchema)]
pub struct Service {
    /// When it is asked.
    pub hook: Hook,
    /// Hook and plugin.
    pub id: String,
    /// Name of the plugin.
    pub title: String,
    /// What it is for.
    pub description: String,
}

/// A question of CDS Hooks. What the standard has beside this is passed over; `prefetch`
/// too: checkers see the record of this hospital, as far as they were granted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// Of the service.
    pub hook: Hook,
    /// A UUID that the client drew.
    #[schema(value_type = String)]
    pub hook_instance: Uuid,
    /// The patient and the drafts.
    pub context: AskedAbout,
}

/// The context of `order-select` and `order-sign`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskedAbout {
    /// Id of the Patient in this hospital's record.
    pub patient_id: String,
    /// A Bundle with the MedicationRequests, and Medications that they refer to.
    #[schema(value_type = Object)]
    pub draft_orders: Value,
}

/// What a checker says.
#[derive(Serialize, ToSchema)]
pub struct Cards {
    /// Gravest first. None: it was checked, and there is nothing against it.
    pub cards: Vec<Card>,
}

/// One thing the prescriber should know.
#[derive(Debug, Serialize, ToSchema)]
pub struct Card {
    /// For feedback.
    #[schema(value_type = String)]
    pub uuid: Uuid,
    /// In one line.
    pub summary: String,
    /// The rest, in Markdown.
    pub detail: String,
    /// How grave: what is `critical` is not to be signed as it stands.
    #[schema(value_type = String)]
    pub indicator: Severity,
    /// Who says so.
    pub source: Source,
}

/// Where a card comes from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Source {
    /// Guideline with section and year, or the checker.
    pub label: String,
    /// Of the guideline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The finding's stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
}

/// A code of a checker.
#[derive(Debug, Serialize, ToSchema)]
pub struct Topic {
    /// Which checker's.
    pub system: String,
    /// Which.
    pub code: String,
}

/// What became of cards.
#[derive(Deserialize, ToSchema)]
pub struct Feedback {
    /// Of each card that somebody dealt with.
    pub feedback: Vec<CardFeedback>,
}

/// What became of a card. Comments in the user's words are not kept.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CardFeedback {
    /// Of the card.
    #[schema(value_type = String)]
    pub card: Uuid,
    /// Whether it was heeded.
    pub outcome: Outcome,
    /// Why not.
    #[serde(default)]
    pub override_reason: Option<OverrideReason>,
}

/// Whether a card was heeded.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was.
    Accepted,
    /// It was not.
    Overridden,
}

/// Why a card was not heeded.
#[derive(Deserialize, ToSchema)]
pub struct OverrideReason {
    /// As a code.
    #[serde(default)]
    pub reason: Option<ReasonCode>,
}

/// A reason in a code system of the client's.
#[derive(Deserialize, ToSchema)]
pub struct ReasonCode {
    /// The code.
    pub code: String,
}

/// The checkers of the caller's hospital, as services.
///
/// # Errors
/// If the caller may not have orders checked.
pub async fn services(extensions: &Extensions, caller: &Caller, language: &str) -> AppResult<Services> {
    caller.may(Action::CheckPrescription)?;
    let playing = plugin::playing(extensions, &extensions.platform.records(caller), Interface::Review).await?;
    let service = |(plugin, hook): (&Arc<Plugin>, Hook)| {
        let manifest = plugin.manifest();
        let (title, said) = (manifest.name.get(language), manifest.description.get(language));
        Service {
            hook,
            id: service_id(hook, &manifest.id),
            title: title.to_owned(),
            description: if said.is_empty() { title } else { said }.to_owned(),
        }
    };
    let each = playing.iter().flat_map(|(_, plugin)| Hook::ALL.map(|hook| (plugin, hook)));
    Ok(Services { services: each.map(service).collect() })
}

/// What a checker says of orders that are drafted elsewhere. A checker that gives no
/// verdict, or that cannot be asked, is a critical card.
///
/// # Errors
/// `NOT_FOUND` if there is no such service, or no such patient for the caller;
/// `BODY_INVALID` if the hook is another one.
#[tracing::instrument(target = "xinglin::trace", skip_all)]
pub async fn ask(
    extensions: &Extensions,
    caller: &Caller,
    service: &str,
    ask: Asked,
    language: &str,
) -> AppResult<Cards> {
    caller.may(Action::CheckPrescription)?;
    let records = extensions.platform.records(caller);
    let (hook, install, plugin) = find(extensions, &records, service).await?;
    if ask.hook != hook {
        let detail = format!("hook: this service is for `{}`", hook.as_str());
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "hook"));
    }
    let AskedAbout { patient_id, draft_orders } = ask.context;
    if draft_orders["resourceType"] != "Bundle" {
        let detail = "context.draftOrders: must be a Bundle";
        return Err(AppError::new(Code::BodyInvalid, detail).with("path", "context.draftOrders"));
    }
    let patient: PatientId = patient_id.parse().map_err(|_| AppError::not_found("patient", &patient_id))?;
    caller.may_see(patient, "patient", patient)?;
    // Of whom there is no record, nothing is checked.
    records.get_resource("Patient", &patient_id).await?;
    let order = match order_of(&records, &patient_id, &draft_orders).await? {
        Ok(order) if order.lines.is_empty() => return Ok(Cards { cards: Vec::new() }),
        Ok(order) => order,
        Err(unread) => {
            let card = not_checked(ambient::fresh_id(), &plugin, &unread.to_string(), language);
            return Ok(Cards { cards: vec![card] });
        }
    };
    let (call, answer) = review(extensions, caller, &records, (&install, &plugin), patient, &order).await?;
    let mut cards = cards(call, &plugin, answer, language);
    let labels = xinglin_platform::grant::compartments(&install)?;
    if !labels.is_empty() && !consent::sight(&extensions.platform, caller, patient).await?.shows(labels) {
        // That something speaks against it, and no word of what.
        cards.iter_mut().for_each(|card| card.close(language));
    }
    Ok(Cards { cards })
}

async fn find(extensions: &Extensions, records: &Tenant, service: &str) -> AppResult<(Hook, Install, Arc<Plugin>)> {
    let unknown = || AppError::not_found("service", service);
    let named = |hook: Hook| Some((hook, service.strip_prefix(hook.as_str())?.strip_prefix('.')?));
    let (hook, plugin) = Hook::ALL.into_iter().find_map(named).ok_or_else(unknown)?;
    let (install, plugin) =
        plugin::one_playing(extensions, records, plugin, Interface::Review).await.map_err(|error| {
            match error.code {
                Code::NotFound => unknown(),
                _ => error,
            }
        })?;
    Ok((hook, install, plugin))
}

/// The drafts as an order, with what the formulary knows of the medicines.
async fn order_of(records: &Tenant, patient: &str, drafts: &Value) -> AppResult<Result<Order, order::Unread>> {
    let entries = drafts["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = entries.iter().filter_map(|entry| medication(&entry["resource"]));
    let found = medications(records, named).await?.into_iter().map(|(_, medication)| medication).collect();
    let mut order = match order::order(patient, drafts, found) {
        Ok(order) => order,
        Err(unread) => return Ok(Err(unread)),
    };
    let formulary = settings(records).await?.formulary;
    for line in &mut order.lines {
        let sold = formulary.iter().find(|item| {
            let is = |coding: &Coding| line.code.iter().any(|code| same(code, coding));
            item.codings.iter().any(is)
        });
        if let Some(item) = sold {
            order::known(line, &item.codings, &item.ingredients);
        }
    }
    Ok(Ok(order))
}

async fn review(
    extensions: &Extensions,
    caller: &Caller,
    records: &Tenant,
    (install, plugin): (&Install, &Arc<Plugin>),
    patient: PatientId,
    order: &Order,
) -> AppResult<(u128, Answer)> {
    let mut calls =
        Calls::new(extensions, records.id(), &caller.request_id, caller.now).of(patient, Purpose::Treatment);
    let asker = (install.plugin_id.as_str(), Purpose::Treatment);
    let needs = plugin.data_needs().to_vec();
    let snapshot = record::snapshot(&extensions.platform, records, asker, &needs, patient, caller.now).await?;
    let context = match calls.context(install, plugin) {
        Ok(context) => context,
        // A policy is against it.
        Err(refused) if refused.code == Code::PluginCapability => {
            let failed = xinglin_domain::review::FailedCall { code: refused.code, message: refused.detail };
            return Ok((ambient::fresh_id(), Answer::Failed(failed)));
        }
        Err(error) => return Err(error),
    };
    let id = context.call.as_u128();
    let call = extensions.runtime().review(plugin, context, order, &snapshot, caller.now).await;
    let verdict = calls.note(vec![(install, call)]).await?.pop();
    let verdict = verdict.ok_or_else(|| AppError::internal("no call"))?;
    Ok((id, Answer::from_call(verdict.map_err(|failure| failed(&failure)))))
}

/// Keeps what became of cards, as lines of the audit trail of the patient.
///
/// # Errors
/// `NOT_FOUND` if a card is none of this service's, or of no patient whom the caller
/// may see; nothing is kept then.
pub async fn keep_feedback(extensions: &Extensions, caller: &Caller, service: &str, said: Feedback) -> AppResult<()> {
    caller.may(Action::CheckPrescription)?;
    let records = extensions.platform.records(caller);
    let (_, install, _) = find(extensions, &records, service).await?;
    let mut lines = Vec::with_capacity(said.feedback.len());
    for CardFeedback { card, outcome, override_reason } in said.feedback {
        let unknown = || AppError::not_found("card", card);
        let call = CallId::from_u128(card.as_u128() & !CARD);
        let entry = records.get_tape_entry(call).await.map_err(|error| match error {
            xinglin_store::StoreError::NotFound { .. } => unknown(),
            other => other.into(),
        })?;
        let about = records.list_references(entry.seq).await?;
        let patient = about.iter().find_map(|about| about.parse::<PatientId>().ok());
        let patient = patient.filter(|_| entry.plugin_id == install.plugin_id).ok_or_else(unknown)?;
        caller.may_see(patient, "card", card)?;
        let reason = override_reason.and_then(|why| why.reason).map(|reason| format!(" {}", word(&reason.code)));
        let outcome = match outcome {
            Outcome::Accepted => "accepted",
            Outcome::Overridden => "overridden",
        };
        let target = format!("card {card} of {call} {outcome}{}", reason.unwrap_or_default());
        let access = caller.access(Act::Write, [patient], target);
        lines.push(Access { purpose: Purpose::Treatment, ..access });
    }
    let tx = extensions.platform.begin(caller).await?;
    tx.append_audit(&lines).await?;
    Ok(tx.commit().await?)
}

fn service_id(hook: Hook, plugin: &str) -> String {
    format!("{}.{plugin}", hook.as_str())
}

fn same(a: &Coding, b: &Coding) -> bool {
    a.system == b.system && a.code == b.code
}

/// A code as the trail takes it: no text of somebody's.
fn word(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).take(64).collect()
}

/// The cards of an answer, gravest first. There is none if and only if the checker
/// decided and found nothing.
fn cards(call: u128, plugin: &Plugin, answer: Answer, language: &str) -> Vec<Card> {
    let broken = |why: String| vec![not_checked(call, plugin, &why, language)];
    let (findings, veto) = match answer {
        Answer::Verdict(Verdict::Allow) => return Vec::new(),
        Answer::Verdict(Verdict::Warn(findings)) => (findings, false),
        Answer::Verdict(Verdict::Veto(findings)) => (findings, true),
        Answer::Undecided(ReviewError::MissingData(what)) => return broken(what.get(language).to_owned()),
        Answer::Undecided(ReviewError::NotUnderstood(what) | ReviewError::Other(what)) => return broken(what),
        Answer::Failed(failed) => return broken(said(failed.code, language).to_owned()),
        Answer::Missing => return broken(String::new()),
    };
    if findings.is_empty() {
        return broken(String::new());
    }
    let mut cards: Vec<Card> = findings.iter().map(|finding| card(plugin, finding, veto, language)).collect();
    cards.sort_by_key(|card| std::cmp::Reverse(card.indicator));
    // More than ids can count would be more than anybody reads.
    cards.truncate(usize::try_from(CARD).unwrap_or(usize::MAX));
    for (number, card) in (1..).zip(&mut cards) {
        card.uuid = Uuid::from_u128(call & !CARD | number);
    }
    cards
}

fn card(plugin: &Plugin, finding: &Finding, veto: bool, language: &str) -> Card {
    let (message, suggestion) = (finding.message.get(language), finding.suggestion.get(language));
    let web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
    let mut detail = plain(message);
    if !suggestion.is_empty() {
        detail = format!("{detail}\n\n{}", plain(suggestion));
    }
    Card {
        uuid: Uuid::nil(),
        summary: short(message),
        detail,
        indicator: if veto { Severity::Critical } else { finding.severity },
        source: Source {
            label: finding.citation.to_string(),
            url: finding.citation.url.as_ref().filter(web).cloned(),
            topic: Some(Topic {
                system: format!("urn:xinglin:plugin:{}", plugin.manifest().id),
                code: finding.code.clone(),
            }),
        },
    }
}

fn not_checked(call: u128, plugin: &Plugin, why: &str, language: &str) -> Card {
    let name = plugin.manifest().name.get(language);
    let [zh, en] = [format!("未审查：{name}未能给出结论"), format!("Not checked: {name} gave no verdict")];
    Card {
        uuid: Uuid::from_u128(call & !CARD | 1),
        summary: short(in_language(language, &zh, &en)),
        detail: plain(&format!("{} {why}", said(Code::RxNotChecked, language))),
        indicator: Severity::Critical,
        source: Source { label: name.to_owned(), url: None, topic: None },
    }
}

impl Card {
    /// Without what it is about.
    fn close(&mut self, language: &str) {
        let zh = "受限病历中有与此医嘱相关的内容，请经患者授权后查看";
        let en = "A part of the record that is closed to you speaks of this order; the patient can open it";
        self.summary = in_language(language, zh, en).to_owned();
        self.detail.clone_from(&self.summary);
        self.source = Source { label: "Xinglin".into(), url: None, topic: None };
    }
}

fn in_language<'a>(language: &str, zh: &'a str, en: &'a str) -> &'a str {
    if language.starts_with("en") { en } else { zh }
}

fn said(code: Code, language: &str) -> &'static str {
    in_language(language, code.zh(), code.en())
}

fn short(text: &str) -> String {
    match text.chars().count() {
        ..=LONGEST_SUMMARY => text.to_owned(),
        _ => text.chars().take(LONGEST_SUMMARY - 1).chain(['…']).collect(),
    }
}

/// What a plugin says as Markdown that says just that: no links, no pictures, no markup.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_{}[]()<>#!|~&".contains(c) {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_plugins_say_is_shown_as_they_say_it() {
        assert_eq!(plain("[see](http://evil) <b>"), "\\[see\\]\\(http://evil\\) \\<b\\>");
        assert_eq!(short(&"药".repeat(200)).chars().count(), LONGEST_SUMMARY);
        assert_eq!(word("not applicable; DROP"), "notapplicableDROP");
    }
}
