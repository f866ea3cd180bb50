use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    billing::{Act, Charge, claim::Quoted},
    canonical::Digest,
    code::Code,
    id::BillId,
};
use xinglin_platform::{AppError, AppResult, Caller, Platform, boxed, document::Stored};

use super::{ChargeView, load, update, view};

/// What a patient undertakes, in Chinese and in English. A change makes a new hash: what was agreed to stays
/// known.
const TEXT: [&str; 2] = [
    "本人已知悉:如保险公司拒付下列项目,由本人自行支付该项目的费用。本承诺在服务提供之前作出。",
    "I know: if the insurer denies the items named, I pay for them myself. I undertake this before the service.",
];

/// The text of the undertaking.
#[derive(Debug, Serialize, ToSchema)]
pub struct UndertakingText {
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
    /// SHA-256 of both, which the undertaking names.
    pub sha256: String,
}

/// The patient's undertaking.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Undertake {
    /// Numbers of the lines.
    pub lines: BTreeSet<u32>,
    /// Hash of the text that was read.
    pub sha256: String,
}

fn hash() -> AppResult<Digest> {
    Digest::of(&TEXT).map_err(AppError::internal)
}

/// The text that a patient agrees to.
///
/// # Errors
/// Never in practice.
pub fn undertaking() -> AppResult<UndertakingText> {
    let [zh, en] = TEXT;
    Ok(UndertakingText { zh, en, sha256: hash()?.to_string() })
}

/// The patient undertakes, before the service, to pay lines that an insurer denies afterwards. What a quote shows as
/// not covered is in the amount that is confirmed.
///
/// # Errors
/// `PAY_STATE` once the quote is confirmed; `BODY_INVALID` of another text; `LEDGER_UNBALANCED` of unknown lines.
#[boxed]
pub async fn undertake(platform: &Platform, caller: &Caller, id: BillId, new: Undertake) -> AppResult<ChargeView> {
    caller.may(Action::Undertake)?;
    let records = platform.records(caller);
    let Stored { row, value } = load(&records, id).await?;
    caller.may_see(value.patient(), "bill", id)?;
    let text = hash()?;
    if new.sha256 != text.to_string() {
        return Err(AppError::new(Code::BodyInvalid, "sha256: of another text; read it anew").with("path", "sha256"));
    }
    let quoted = value.expecting::<Quoted>(Act::Undertake)?;
    let charge: Charge = quoted.undertake(&caller.actor, new.lines, text, caller.now)?.into();
    let tx = records.begin().await?;
    update(&tx, row, &charge, caller.now).await?;
    tx.commit().await?;
    view(&charge, Vec::new(), Vec::new())
}
