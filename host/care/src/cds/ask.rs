use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;
use xinglin_domain::{
    access::Action,
    code::Code,
    coding::Coding,
    consent::Purpose,
    id::PatientId,
    review::{Answer, Order, ReviewError, Severity, Verdict},
};
use xinglin_extensions::{
    Extensions,
    call::{CARD, Calls, failed},
};
use xinglin_fhir::order;
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed, settings::settings};
use xinglin_records::{
    consent,
    resource::{medication, medications},
    snapshot,
};
use xinglin_runtime::Plugin;
use xinglin_store::{Install, Tenant};

use super::{Card, Hook, Source, card, find, in_language, plain, said, short};

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

/// What a checker says of orders that are drafted elsewhere. A checker that gives no
/// verdict, or that cannot be asked, is a critical card.
///
/// # Errors
/// `NOT_FOUND` if there is no such service, or no such patient for the caller;
/// `BODY_INVALID` if the hook is another one.
#[tracing::instrument(target = "xinglin::trace", name = "cds_cards", skip_all)]
#[boxed]
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
    if !labels.is_empty() && !consent::record_access(&extensions.platform, caller, patient).await?.shows(labels) {
        // That something speaks against it, and no word of what.
        cards.iter_mut().for_each(|card| card.close(language));
    }
    Ok(Cards { cards })
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
    let snapshot = snapshot::snapshot(&extensions.platform, records, asker, &needs, patient, caller.now).await?;
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

fn same(a: &Coding, b: &Coding) -> bool {
    a.system == b.system && a.code == b.code
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
