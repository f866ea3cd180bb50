//! API views of a charge and its FHIR projection.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    billing::{
        Allocation, Charge,
        claim::{Replaced, Standing},
    },
    compartment::Compartments,
    id::BillId,
    money::Money,
    payer::{Line, Source},
    time::Instant,
};
use xinglin_extensions::call::CallView;
use xinglin_fhir::insurance;
use xinglin_platform::{AppError, AppResult};
use xinglin_records::resource;

use super::NewRefundLine;

/// A bill and who pays it.
#[derive(Serialize, ToSchema)]
pub struct ChargeView {
    /// `bill-…`
    #[schema(value_type = String)]
    pub id: BillId,
    /// State of the machine, for example `QUOTED`.
    pub status: String,
    /// Ids of the payers' plugins, in the order in which they pay; empty if the patient pays alone.
    pub payers: Vec<String>,
    /// What is charged.
    pub lines: Vec<ChargeLine>,
    /// Who pays what.
    pub parts: Vec<PartView>,
    /// Total, in fen.
    #[schema(value_type = i64)]
    pub total_fen: Money,
    /// Payers that pay nothing without a guarantee of payment, and have given none: the quote cannot be confirmed
    /// before.
    pub guarantees_wanted: Vec<String>,
    /// Numbers of the lines that the patient undertook to pay if an insurer denies them.
    pub undertaken: Vec<u32>,
    /// What was given back in part, the first first, with what each source had paid before.
    pub refunds: Vec<RefundView>,
    /// Until when it may be confirmed (RFC 3339), of a quote.
    pub valid_until: Option<String>,
    /// Notes of the payer on the calculation, for the patient; for the accounts, what a statement moved.
    pub notes: Vec<String>,
    /// Plugin calls that this request made.
    pub calls: Vec<CallView>,
}

/// A line of a bill.
#[derive(Serialize, ToSchema)]
pub struct ChargeLine {
    /// Its number.
    pub number: u32,
    /// The hospital's own code, as on the bill.
    pub item: Option<String>,
    /// For people, as on the bill.
    pub title: String,
    /// How many.
    pub quantity: String,
    /// What is charged, in fen.
    #[schema(value_type = i64)]
    pub gross_fen: Money,
    /// 全自费.
    #[schema(value_type = Option<i64>)]
    pub self_funded_fen: Option<Money>,
    /// 超限价自费.
    #[schema(value_type = Option<i64>)]
    pub over_limit_fen: Option<Money>,
    /// 先行自付.
    #[schema(value_type = Option<i64>)]
    pub pre_self_pay_fen: Option<Money>,
    /// 符合范围.
    #[schema(value_type = Option<i64>)]
    pub in_scope_fen: Option<Money>,
}

/// A partial refund.
#[derive(Serialize, ToSchema)]
pub struct RefundView {
    /// What the asker calls it.
    pub key: String,
    /// Why.
    pub reason: String,
    /// When it was asked for (RFC 3339).
    pub at: String,
    /// What was given back.
    pub lines: Vec<NewRefundLine>,
    /// Total before it, in fen.
    #[schema(value_type = i64)]
    pub total_fen: Money,
    /// Who had paid what before it.
    pub parts: Vec<PartView>,
}

/// Someone's share.
#[derive(Serialize, ToSchema)]
pub struct PartView {
    /// `basic_fund`, `personal_account`, `cash`, …
    #[schema(value_type = String)]
    pub source: Source,
    /// How much, in fen.
    #[schema(value_type = i64)]
    pub fen: Money,
}

pub(super) fn view(charge: &Charge, notes: Vec<String>, calls: Vec<CallView>) -> AppResult<ChargeView> {
    let title = |line: &Line| {
        let billed = charge.item(line.number).map(|item| item.title.clone());
        billed.or_else(|| line.code.first().map(|code| code.code.clone())).unwrap_or_default()
    };
    let seen = |line: &Line| {
        let lines = charge.allocation().map_or(&[][..], Allocation::lines);
        lines.iter().find(|result| result.number == line.number)
    };
    let lines: Vec<ChargeLine> = charge
        .bill()
        .lines
        .iter()
        .map(|line| ChargeLine {
            number: line.number,
            item: charge.item(line.number).map(|item| item.code.clone()),
            title: title(line),
            quantity: line.quantity.to_string(),
            gross_fen: line.gross,
            self_funded_fen: seen(line).map(|result| result.self_funded),
            over_limit_fen: seen(line).map(|result| result.over_limit),
            pre_self_pay_fen: seen(line).map(|result| result.pre_self_pay),
            in_scope_fen: seen(line).map(|result| result.in_scope),
        })
        .collect();
    let total = Money::sum(charge.bill().lines.iter().map(|line| line.gross)).map_err(AppError::internal)?;
    let shares = |allocation: &Allocation| {
        allocation.parts().iter().map(|(source, fen)| PartView { source: *source, fen: *fen }).collect()
    };
    let parts = charge.allocation().map_or_else(Vec::new, shares);
    let refund = |Replaced { agreed, refund, .. }: &Replaced| RefundView {
        key: refund.key.clone(),
        reason: refund.reason.clone(),
        at: refund.at.to_string(),
        lines: refund.lines.iter().map(NewRefundLine::from).collect(),
        total_fen: agreed.gross(),
        parts: shares(agreed),
    };
    Ok(ChargeView {
        id: charge.id(),
        status: charge.state().as_str().to_owned(),
        payers: charge.payers().to_vec(),
        lines,
        parts,
        total_fen: total,
        guarantees_wanted: charge.bill().lacks_guarantees().map(str::to_owned).collect(),
        undertaken: charge.undertakings().flat_map(|one| one.lines.iter().copied()).collect(),
        refunds: charge.replaced().iter().map(refund).collect(),
        valid_until: match charge {
            Charge::Quoted(quoted) => Some(quoted.state().valid_until.to_string()),
            _ => None,
        },
        notes,
        calls,
    })
}

/// The compartments of what a bill says: its projections are as restricted as it.
fn labels(charge: &Charge) -> Compartments {
    let said = serde_json::to_value((charge.bill(), charge.items()));
    said.map_or(Compartments::ALL, |said| Compartments::of(&said))
}

/// `Claim` and `Invoice` of a bill.
pub(super) fn projections(charge: &Charge, now: Instant) -> Vec<Value> {
    let total = Money::sum(charge.bill().lines.iter().map(|line| line.gross)).unwrap_or_default();
    let of = insurance::Charge {
        id: charge.id(),
        tenant: charge.tenant(),
        patient: &charge.patient().to_string(),
        payers: charge.payers(),
        bill: charge.bill(),
        total,
        reversed: matches!(charge, Charge::Reversed(_)),
        created: now,
    };
    let titles: Vec<(u32, &str)> = charge.items().iter().map(|item| (item.line, item.title.as_str())).collect();
    resource::marked(vec![insurance::claim(&of), insurance::invoice(&of, &titles)], labels(charge))
}

/// `ClaimResponse` and, of an insurer, `ExplanationOfBenefit` of a payer's decision.
pub(super) fn decisions(charge: &Charge, standing: &Standing, reversed: bool, now: Instant) -> Vec<Value> {
    let of = insurance::Answered {
        bill: charge.id(),
        tenant: charge.tenant(),
        patient: &charge.patient().to_string(),
        payer: standing.share.payer(),
        reference: &standing.settlement.reference,
        adjudication: &standing.settlement.adjudication,
        reversed,
        created: now,
    };
    let explained = insurance::explanation_of_benefit(&of, charge.bill());
    resource::marked(std::iter::once(insurance::claim_response(&of)).chain(explained).collect(), labels(charge))
}
