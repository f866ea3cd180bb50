use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::{Action, Role},
    clinical::DataNeed,
    code::Code,
    coding::Coding,
    consent::Purpose,
    id::{AccountId, PatientId, PurchaseId},
    pricing::{Payee, Priced, Service, sale::Sale},
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{
    AppError, AppResult, Caller, ambient, boxed,
    document::{Stored, fresh},
    settings::settings,
    standing,
};
use xinglin_records::{
    patient,
    snapshot::{self, LeftOut},
};
use xinglin_runtime::Interface;

use super::{SaleView, running, undecided, view};

/// What a patient wants to buy.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOffer {
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// The list of prices: the id of its plugin.
    pub plugin: String,
    /// The service or package, in every coding that is known. Never a medicine.
    #[schema(value_type = Vec<Object>)]
    pub code: Vec<Coding>,
    /// Who is to give it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub doctor: Option<AccountId>,
    /// Severity, of a bundle.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub severity: Option<Coding>,
    /// Plan of treatment, of a bundle.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub plan: Option<Coding>,
    /// Always refused: a fee never depends on the amount of medicines (`BUNDLE_DRUG_LINKED`).
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub drug_amount_fen: Option<Value>,
}

/// Asks a list of prices what a service costs, and keeps the offer until it expires. What the patient's
/// packages hold of it costs nothing.
///
/// # Errors
/// `BUNDLE_DRUG_LINKED` if a medicine, or an amount of medicines, is part of the question; `PRICE_REFUSED` with
/// the reasons of the list, or if the price is outside the hospital's bounds; `NOT_FOUND` if there is no
/// such list or doctor.
#[tracing::instrument(target = "xinglin::trace", name = "offer_service", skip_all)]
#[boxed]
pub async fn offer(extensions: &Extensions, caller: &Caller, ask: NewOffer) -> AppResult<SaleView> {
    caller.may(Action::BuyService)?;
    caller.may_act_on(ask.patient, "patient", ask.patient)?;
    if ask.drug_amount_fen.is_some() {
        return Err(AppError::new(Code::BundleDrugLinked, "a fee does not depend on the amount of medicines"));
    }
    if ask.code.is_empty() {
        return Err(AppError::new(Code::BodyInvalid, "what is wanted?").with("path", "code"));
    }
    let records = extensions.platform.records(caller);
    patient::treatable(&records, ask.patient).await?;
    let title = match ask.doctor {
        None => None,
        Some(doctor) => {
            let doctor = standing::active(&records.get_account(doctor).await?)?;
            let title = doctor.title(Role::Doctor, caller.now);
            let title = title.ok_or_else(|| AppError::not_found("doctor", doctor.account))?;
            Some(title.as_str().replace('_', "-"))
        }
    };
    let snapshot = snapshot::snapshot(
        &extensions.platform,
        &records,
        (&ask.plugin, Purpose::Payment),
        &[DataNeed::Conditions],
        ask.patient,
        LeftOut::NOTHING,
        caller.now,
    )
    .await?;
    let held = running(&records, ask.patient, &ask.plugin).await?;
    let entitlements = held.iter().flat_map(|Stored { value, .. }| value.balances());
    let service = Service {
        code: ask.code,
        title,
        age_years: snapshot.subject.age_months.and_then(|months| u16::try_from(months / 12).ok()),
        diagnoses: snapshot.conditions.iter().flat_map(|condition| condition.code.clone()).collect(),
        severity: ask.severity,
        plan: ask.plan,
        entitlements: entitlements.filter(|balance| balance.period.contains(caller.now)).cloned().collect(),
    };
    service.check().map_err(|fault| AppError::new(fault.code(), fault.to_string()))?;

    let id = PurchaseId::from_u128(ambient::fresh_id());
    let (install, plugin) = install::one_playing(extensions, &records, &ask.plugin, Interface::Pricing).await?;
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now)
        .of(ask.patient, Purpose::Payment)
        .about(id);
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().price(&plugin, context, &service, caller.now).await;
    let price = match calls.took(&install, call).await? {
        Ok(Priced::Offered(price)) => price,
        Ok(Priced::Refused(reasons)) => {
            let said = reasons.iter().map(|why| format!("{}: {}", why.code, why.message.get("en")));
            let drug = reasons.iter().any(|why| why.code == Code::BundleDrugLinked.as_str());
            let code = if drug { Code::BundleDrugLinked } else { Code::PriceRefused };
            let detail = said.collect::<Vec<_>>().join("; ");
            return Err(AppError::new(code, detail).with("refusals", reasons).with("calls", calls.views()));
        }
        Err(error) => return Err(undecided(&error).with("calls", calls.views())),
    };
    if let Some(bounds) = settings(&records).await?.money.prices {
        let outside = |fault| AppError::new(Code::PriceRefused, format!("outside the hospital's bounds: {fault}"));
        price.check_within(bounds).map_err(outside)?;
    }
    let doctors = |fee: &xinglin_domain::pricing::Fee| fee.payee == Payee::Doctor && fee.earned_over.is_some();
    if ask.doctor.is_none() && price.fees.iter().any(doctors) {
        return Err(AppError::new(Code::PriceRefused, "a part of it is a doctor's: name the doctor"));
    }
    let sale = Sale::offer(id, (ask.patient, ask.doctor), ask.plugin.clone(), service, price);
    let row = fresh(id, ask.patient, Some(ask.plugin), sale.state().as_str(), &sale, caller.now)?;
    let tx = records.begin().await?;
    tx.insert_document(&row).await?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(&sale, calls)
}
