//! Projections of bills, and of what insurers say of them: Organization, Coverage,
//! CoverageEligibilityRequest and -Response, Claim, ClaimResponse, ExplanationOfBenefit, Invoice,
//! PaymentNotice, PaymentReconciliation. Pure: the domain decides.
//!
//! A bill is a Claim with `use` = claim under its own id (`bill-…`), a request for a guarantee of payment one
//! with `use` = preauthorization under the id of the request (`ins-…`). Answers have the id of what they
//! answer, and the payer. The hospital is `Organization/ten-…`, a payer [`payer_id`].

use serde_json::{Value, json};
use xinglin_domain::{
    canonical::Digest,
    coding::{Coding, Decimal, LocalizedText},
    id::{BillId, InsuranceRequestId, TenantId},
    insurance::{
        Allowance, Balance, Claim as Asked, Period, Refusal,
        claims::{Adjudication as Decided, LineAdjudication, Reason},
        eligibility::{Benefit, Standing},
        preauthorization::{Decision as Guarantees, Guarantee},
    },
    money::Money,
    payer::{Adjudication, Bill, LineKind, Source},
    time::Instant,
};

use crate::project::{Resource, concept, day, money, number, patient, period, reference, spoken};

const FUNDS: &str = "urn:xinglin:payment-source";

/// Identifiers of payers: the ids of their plugins.
const PAYERS: &str = "urn:xinglin:payer";

/// Identifiers that a payer gave.
const REFERENCES: &str = "urn:xinglin:payer-reference";

/// Trace numbers of a payer's remittances.
const TRACES: &str = "urn:xinglin:remittance";

const ADJUDICATION: &str = "http://terminology.hl7.org/CodeSystem/adjudication";

/// Categories of adjudications that FHIR has no code for.
const OWN_ADJUDICATION: &str = "urn:xinglin:adjudication";

/// Longest id of a resource (FHIR R4 `id`).
const LONGEST_ID: usize = 64;

/// Types and prefixes of ids that are the hospital's own, beside those of the domain.
pub const OURS: [(&str, &str); 5] = [
    ("Coverage", "cov"),
    ("Organization", "payer"),
    ("Organization", TenantId::PREFIX),
    ("PaymentNotice", "remit"),
    ("PaymentReconciliation", "remit"),
];

fn short(text: &str) -> String {
    Digest::of_bytes(text.as_bytes()).to_string().chars().take(16).collect()
}

/// Id of a payer's Organization: readable, unless the id of its plugin is too long.
pub fn payer_id(payer: &str) -> String {
    let id = format!("payer-{payer}");
    let fits = id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    if fits { id } else { format!("payer-{}", short(payer)) }
}

/// The plugin that an Organization stands for, if it is a payer.
pub fn payer_of(organization: &Value) -> Option<String> {
    let identifiers = crate::read::items(organization, "identifier").iter();
    let payer = identifiers.filter(|one| crate::read::text(one, "system") == Some(PAYERS));
    payer.filter_map(|one| crate::read::text(one, "value")).next().map(str::to_owned)
}

/// Id of a patient's Coverage by a payer.
pub fn coverage_id(patient: &str, payer: &str) -> String {
    format!("cov-{}", short(&format!("{patient}/{payer}")))
}

/// Id of a payer's answer to a bill or a question.
pub fn answer_id(of: impl std::fmt::Display, payer: &str) -> String {
    format!("{of}-{}", &short(payer)[..8])
}

/// Id of what was remitted under a trace number.
pub fn remittance_id(payer: &str, trace: &str) -> String {
    format!("remit-{}", short(&format!("{payer}/{trace}")))
}

fn hospital(tenant: TenantId) -> Value {
    reference("Organization", tenant)
}

fn organization_of(payer: &str) -> Value {
    reference("Organization", payer_id(payer))
}

fn code(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

fn terminology(system: &str, of: &str) -> Value {
    code(&format!("http://terminology.hl7.org/CodeSystem/{system}"), of)
}

fn claim_type() -> Value {
    terminology("claim-type", "professional")
}

fn refusal(of: &Refusal) -> Value {
    spoken(code(crate::outcome::CODE_SYSTEM, &of.code), &of.message)
}

/// `Organization` of the hospital.
pub fn hospital_organization(tenant: TenantId, name: &str) -> Value {
    Resource::new("Organization", tenant)
        .with("active", true)
        .with("type", json!([terminology("organization-type", "prov")]))
        .with("name", name)
        .done()
}

/// `Organization` of a payer.
pub fn payer_organization(payer: &str, name: &str) -> Value {
    Resource::new("Organization", payer_id(payer))
        .with("identifier", json!([{"system": PAYERS, "value": payer}]))
        .with("active", true)
        .with("type", json!([terminology("organization-type", "pay")]))
        .with("name", name)
        .done()
}

/// A patient's insurance with a payer.
#[derive(Debug, Clone)]
pub struct Coverage<'a> {
    /// Id of the Patient.
    pub patient: &'a str,
    /// Id of the payer's plugin.
    pub payer: &'a str,
    /// Kind of insured person.
    pub category: &'a Coding,
    /// Insured since.
    pub from: Option<Instant>,
    /// Insured until.
    pub until: Option<Instant>,
    /// Plan or product of a commercial policy.
    pub plan: Option<&'a Coding>,
    /// Number of the policy or group contract; may be empty.
    pub number: &'a str,
    /// Network tier of the hospital.
    pub network: Option<&'a str>,
}

/// `Coverage`. Numbers of persons are not in it.
pub fn coverage(of: &Coverage<'_>) -> Value {
    let class = |kind: &str, value: &str, name: Option<&str>| {
        let mut class = json!({"type": terminology("coverage-class", kind), "value": value});
        if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
            class["name"] = name.into();
        }
        class
    };
    let plan = of.plan.map(|plan| class("plan", &plan.code, Some(plan.display.as_deref().unwrap_or(&plan.system))));
    let group = Some(of.number).filter(|number| !number.trim().is_empty()).map(|number| class("group", number, None));
    let mut within = serde_json::Map::new();
    for (name, at) in [("start", of.from), ("end", of.until)] {
        within.extend(at.map(|at| (name.to_owned(), Value::from(at.to_string()))));
    }
    let coverage = Resource::new("Coverage", coverage_id(of.patient, of.payer))
        .with("status", "active")
        .with("type", concept(std::slice::from_ref(of.category)))
        .with("beneficiary", patient(of.patient))
        .with("payor", json!([organization_of(of.payer)]))
        .maybe("network", of.network)
        .list("class", plan.into_iter().chain(group));
    let coverage = if within.is_empty() { coverage } else { coverage.with("period", Value::Object(within)) };
    coverage.done()
}

// --- eligibility ------------------------------------------------------------

/// A question to an insurer.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Its id.
    pub id: InsuranceRequestId,
    /// The hospital.
    pub tenant: TenantId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// Id of the insurer's plugin.
    pub payer: &'a str,
    /// What is asked about.
    pub claim: &'a Asked,
    /// When.
    pub at: Instant,
}

impl Question<'_> {
    fn coverage(&self) -> Value {
        reference("Coverage", coverage_id(self.patient, self.payer))
    }

    fn lines(&self) -> Vec<Line<'_>> {
        let line = |line: &'_ xinglin_domain::insurance::ClaimLine| (line.number, line.kind, line.quantity, line.gross);
        let figures = self.claim.lines.iter().map(line);
        figures
            .zip(&self.claim.lines)
            .map(|((number, kind, quantity, gross), line)| Line { number, kind, code: &line.code, quantity, gross })
            .collect()
    }
}

/// A charged line.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    number: u32,
    kind: LineKind,
    code: &'a [Coding],
    quantity: Decimal,
    gross: Money,
}

fn lines_of(bill: &Bill) -> Vec<Line<'_>> {
    let line = |line: &'_ xinglin_domain::payer::Line| (line.number, line.kind, line.quantity, line.gross);
    let figures = bill.lines.iter().map(line);
    figures
        .zip(&bill.lines)
        .map(|((number, kind, quantity, gross), line)| Line { number, kind, code: &line.code, quantity, gross })
        .collect()
}

const PURPOSES: [&str; 3] = ["auth-requirements", "benefits", "validation"];

/// `CoverageEligibilityRequest`.
pub fn eligibility_request(of: &Question<'_>) -> Value {
    let items = of.lines().into_iter().map(|line| {
        json!({
            "category": category(line.kind),
            "productOrService": concept(line.code),
            "quantity": {"value": number(line.quantity)},
        })
    });
    Resource::new("CoverageEligibilityRequest", of.id)
        .with("status", "active")
        .with("purpose", json!(PURPOSES))
        .with("patient", patient(of.patient))
        .with("servicedDate", day(of.claim.served_at))
        .with("created", of.at.to_string())
        .with("provider", hospital(of.tenant))
        .with("insurer", organization_of(of.payer))
        .with("insurance", json!([{"focal": true, "coverage": of.coverage()}]))
        .list("item", items)
        .done()
}

fn category(kind: LineKind) -> Value {
    let of = match kind {
        LineKind::Service => "service",
        LineKind::Medicine => "medicine",
        LineKind::Material => "material",
        LineKind::Other => "other",
    };
    code("urn:xinglin:line-kind", of)
}

fn balance(of: &Balance) -> Value {
    let mut told = json!({"type": code("urn:xinglin:balance", &of.code)});
    let mut say = |name: &str, allowance: Allowance| match allowance {
        Allowance::Money(amount) => told[format!("{name}Money")] = money(amount),
        Allowance::Count(count) => told[format!("{name}UnsignedInt")] = count.into(),
    };
    say("used", of.used);
    if let Some(limit) = of.limit {
        say("allowed", limit);
    }
    told
}

/// `CoverageEligibilityResponse`: of each line whether it is covered and needs a guarantee first, and the
/// running figures of the policy.
pub fn eligibility_response(of: &Question<'_>, standing: &Standing, at: Instant) -> Value {
    let response = Resource::new("CoverageEligibilityResponse", answer_id(of.id, of.payer))
        .with("status", "active")
        .with("purpose", json!(PURPOSES))
        .with("patient", patient(of.patient))
        .with("servicedDate", day(of.claim.served_at))
        .with("created", at.to_string())
        .with("requestor", hospital(of.tenant))
        .with("request", reference("CoverageEligibilityRequest", of.id))
        .with("outcome", "complete")
        .with("insurer", organization_of(of.payer));
    let in_force = match standing {
        Standing::NotInForce(why) => {
            return response
                .with("insurance", json!([{"coverage": of.coverage(), "inforce": false}]))
                .list("error", why.iter().map(|why| json!({"code": refusal(why)})))
                .done();
        }
        Standing::InForce(entitlement) => entitlement,
    };
    let lines = of.lines();
    let item = |benefit: &Benefit| {
        let line = lines.iter().find(|line| line.number == benefit.number);
        let mut item = json!({
            "productOrService": line.map_or_else(|| concept(&[]), |line| concept(line.code)),
            "excluded": !benefit.excluded.is_empty(),
            "authorizationRequired": benefit.preauthorization_required,
        });
        let why: Vec<String> =
            benefit.excluded.iter().map(|why| format!("{}: {}", why.code, why.message.get("zh-CN"))).collect();
        if !why.is_empty() {
            item["description"] = why.join("; ").into();
        }
        if !benefit.documents_wanted.is_empty() {
            let wanted = benefit.documents_wanted.iter().map(|kind| concept(std::slice::from_ref(kind)));
            item["authorizationSupporting"] = wanted.collect();
        }
        item
    };
    let running = in_force.balances.iter().map(|one| {
        let Period { start, end } = one.period;
        json!({
            "category": code("urn:xinglin:balance", &one.code),
            "description": format!("{}/{}", day(start), day(end)),
            "benefit": [balance(one)],
        })
    });
    let items: Vec<Value> = in_force.benefits.iter().map(item).chain(running).collect();
    let mut insurance = json!({"coverage": of.coverage(), "inforce": true});
    if !items.is_empty() {
        insurance["item"] = items.into();
    }
    response.with("insurance", json!([insurance])).done()
}

// --- claims -----------------------------------------------------------------

/// A bill that was submitted to its payers.
#[derive(Debug, Clone)]
pub struct Charge<'a> {
    /// Id of the claim.
    pub id: BillId,
    /// The hospital.
    pub tenant: TenantId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// Ids of the payers' plugins, first payer first; none if the patient pays alone.
    pub payers: &'a [String],
    /// The bill.
    pub bill: &'a Bill,
    /// The total.
    pub total: Money,
    /// Whether it was reversed.
    pub reversed: bool,
    /// When it was created.
    pub created: Instant,
}

fn items(lines: &[Line<'_>], served_at: Instant) -> impl Iterator<Item = Value> {
    lines.iter().map(move |line| {
        json!({
            "sequence": line.number,
            "category": category(line.kind),
            "productOrService": concept(line.code),
            "servicedDate": day(served_at),
            "quantity": {"value": number(line.quantity)},
            "net": money(line.gross),
        })
    })
}

fn diagnoses(of: &[Coding]) -> impl Iterator<Item = Value> {
    of.iter().zip(1_u32..).map(|(diagnosis, sequence)| {
        json!({"sequence": sequence, "diagnosisCodeableConcept": concept(std::slice::from_ref(diagnosis))})
    })
}

fn normal() -> Value {
    terminology("processpriority", "normal")
}

fn payee(tenant: TenantId) -> Value {
    json!({"type": terminology("payeetype", "provider"), "party": hospital(tenant)})
}

/// `Claim` with `use` = claim: the bill, with the coverages that it was submitted under.
pub fn claim(of: &Charge<'_>) -> Value {
    let insurance = of.payers.iter().zip(1_u32..).map(|(payer, sequence)| {
        let coverage = reference("Coverage", coverage_id(of.patient, payer));
        let mut told = json!({"sequence": sequence, "focal": sequence == 1, "coverage": coverage});
        if let Some(guarantee) = of.bill.guarantee_of(payer) {
            told["preAuthRef"] = json!([guarantee]);
        }
        told
    });
    let mut insurance: Vec<Value> = insurance.collect();
    if insurance.is_empty() {
        insurance.push(json!({"sequence": 1, "focal": true, "coverage": {"display": "self-pay"}}));
    }
    Resource::new("Claim", of.id)
        .with("status", if of.reversed { "cancelled" } else { "active" })
        .with("type", claim_type())
        .with("use", "claim")
        .with("patient", patient(of.patient))
        .with("created", of.created.to_string())
        .maybe("insurer", of.payers.first().map(|payer| organization_of(payer)))
        .with("provider", hospital(of.tenant))
        .with("priority", normal())
        .with("payee", payee(of.tenant))
        .list("diagnosis", diagnoses(&of.bill.diagnoses))
        .list("insurance", insurance)
        .list("item", items(&lines_of(of.bill), of.bill.served_at))
        .with("total", money(of.total))
        .done()
}

/// `Claim` with `use` = preauthorization.
pub fn guarantee_request(of: &Question<'_>, cancelled: bool) -> Value {
    let documents = of.claim.documents.iter().zip(1_u32..).map(|(document, sequence)| {
        json!({
            "sequence": sequence,
            "category": terminology("claiminformationcategory", "attachment"),
            "code": concept(std::slice::from_ref(&document.kind)),
            "valueReference": {"identifier": {"system": "urn:xinglin:document", "value": document.id}},
        })
    });
    let related = of.claim.related.iter().map(|related| {
        json!({"relationship": terminology("ex-relatedclaimrelationship", "prior"),
               "reference": {"system": REFERENCES, "value": related}})
    });
    let lines = of.lines();
    let total = Money::sum(lines.iter().map(|line| line.gross)).unwrap_or_default();
    Resource::new("Claim", of.id)
        .with("status", if cancelled { "cancelled" } else { "active" })
        .with("type", claim_type())
        .with("use", "preauthorization")
        .with("patient", patient(of.patient))
        .with("created", of.at.to_string())
        .with("insurer", organization_of(of.payer))
        .with("provider", hospital(of.tenant))
        .with("priority", normal())
        .list("related", related)
        .with("payee", payee(of.tenant))
        .list("supportingInfo", documents)
        .list("diagnosis", diagnoses(&of.claim.diagnoses))
        .with("insurance", json!([{"sequence": 1, "focal": true, "coverage": of.coverage()}]))
        .list("item", items(&lines, of.claim.served_at))
        .with("total", money(total))
        .done()
}

/// `ClaimResponse` to a request for a guarantee.
pub fn guarantee_response(of: &Question<'_>, decision: &Guarantees, at: Instant) -> Value {
    let (status, outcome) = match decision {
        Guarantees::Approved(_) => ("active", "complete"),
        Guarantees::Partial(_) => ("active", "partial"),
        Guarantees::Pending(_) => ("active", "queued"),
        Guarantees::Refused(_) => ("active", "error"),
        Guarantees::Cancelled => ("cancelled", "complete"),
    };
    let base = Resource::new("ClaimResponse", answer_id(of.id, of.payer))
        .with("status", status)
        .with("type", claim_type())
        .with("use", "preauthorization")
        .with("patient", patient(of.patient))
        .with("created", at.to_string())
        .with("insurer", organization_of(of.payer))
        .with("requestor", hospital(of.tenant))
        .with("request", reference("Claim", of.id))
        .with("outcome", outcome);
    match decision {
        Guarantees::Approved(guarantee) | Guarantees::Partial(guarantee) => guaranteed(base, of, guarantee),
        Guarantees::Pending(pending) => {
            let wanted = pending.documents_wanted.iter().map(|kind| kind.display.as_deref().unwrap_or(&kind.code));
            let wanted = wanted.collect::<Vec<_>>().join(", ");
            let said = if wanted.is_empty() { "pending".to_owned() } else { format!("documents wanted: {wanted}") };
            base.with("identifier", json!([{"system": REFERENCES, "value": pending.reference}]))
                .with("disposition", said)
        }
        Guarantees::Refused(why) => base.list("error", why.iter().map(|why| json!({"code": refusal(why)}))),
        Guarantees::Cancelled => base,
    }
    .done()
}

fn guaranteed(base: Resource, of: &Question<'_>, guarantee: &Guarantee) -> Resource {
    let items = guarantee.lines.iter().map(|line| {
        let amount = json!([{"category": code(ADJUDICATION, "benefit"), "amount": money(line.amount)}]);
        json!({"itemSequence": line.number, "adjudication": amount})
    });
    base.with("preAuthRef", guarantee.reference.as_str())
        .with("preAuthPeriod", period(of.at, Some(guarantee.expires)))
        .list("item", items)
}

/// A payer's decision on a bill.
#[derive(Debug, Clone)]
pub struct Answered<'a> {
    /// The bill.
    pub bill: BillId,
    /// The hospital.
    pub tenant: TenantId,
    /// Id of the Patient.
    pub patient: &'a str,
    /// Id of the payer's plugin.
    pub payer: &'a str,
    /// The payer's reference.
    pub reference: &'a str,
    /// What it decided.
    pub adjudication: &'a Adjudication,
    /// Whether it was taken back.
    pub reversed: bool,
    /// When.
    pub created: Instant,
}

/// `ClaimResponse`: each line as the payer decided it, the total by source.
pub fn claim_response(of: &Answered<'_>) -> Value {
    let items: Vec<Value> = match &of.adjudication.insured {
        Some(decided) => decided.lines.iter().map(|line| item(line, "itemSequence")).collect(),
        None => of
            .adjudication
            .lines
            .iter()
            .map(|line| {
                json!({
                    "itemSequence": line.number,
                    "adjudication": [{"category": code(ADJUDICATION, "eligible"), "amount": money(line.in_scope)}],
                })
            })
            .collect(),
    };
    let totals = of.adjudication.parts.iter().map(|part| {
        json!({"category": {"coding": [{"system": FUNDS, "code": fund(part.source)}]}, "amount": money(part.amount)})
    });
    Resource::new("ClaimResponse", answer_id(of.bill, of.payer))
        .with("identifier", json!([{"system": REFERENCES, "value": of.reference}]))
        .with("status", if of.reversed { "cancelled" } else { "active" })
        .with("type", claim_type())
        .with("use", "claim")
        .with("patient", patient(of.patient))
        .with("created", of.created.to_string())
        .with("insurer", organization_of(of.payer))
        .with("requestor", hospital(of.tenant))
        .with("request", reference("Claim", of.bill))
        .with("outcome", "complete")
        .with("payeeType", terminology("payeetype", "provider"))
        .list("item", items)
        .list("total", totals)
        .done()
}

/// Adjudications of a line: what FHIR has codes for by these, the rest by the host's own.
fn adjudications(of: &LineAdjudication) -> Vec<Value> {
    let one = |system: &str, category: &str, amount: Money| json!({"category": code(system, category), "amount": money(amount)});
    let mut told = vec![one(ADJUDICATION, "eligible", of.allowed), one(ADJUDICATION, "benefit", of.benefit)];
    for (system, category, amount) in [
        (ADJUDICATION, "deductible", of.deductible),
        (ADJUDICATION, "copay", of.copay),
        (OWN_ADJUDICATION, "coinsurance", of.coinsurance),
        (OWN_ADJUDICATION, "over-limit", of.over_limit),
        (OWN_ADJUDICATION, "not-covered", of.not_covered),
        (OWN_ADJUDICATION, "contractual", of.contractual),
    ] {
        if amount > Money::ZERO {
            told.push(one(system, category, amount));
        }
    }
    let reason = |reason: &Reason| {
        let said = spoken(concept(std::slice::from_ref(&reason.code)), &reason.message);
        json!({"category": code(OWN_ADJUDICATION, "reason"), "reason": said})
    };
    told.extend(of.reasons.iter().map(reason));
    told
}

fn item(of: &LineAdjudication, sequence: &str) -> Value {
    let mut told = json!({"adjudication": adjudications(of)});
    told[sequence] = of.number.into();
    told
}

/// `ExplanationOfBenefit` of an insurer's decision, for the patient; `None` of a payer that decides no lines.
pub fn explanation_of_benefit(of: &Answered<'_>, bill: &Bill) -> Option<Value> {
    let decided: &Decided = of.adjudication.insured.as_deref()?;
    let lines = lines_of(bill);
    let items = decided.lines.iter().map(|line| {
        let mut told = item(line, "sequence");
        let charged = lines.iter().find(|charged| charged.number == line.number);
        told["productOrService"] = charged.map_or_else(|| concept(&[]), |charged| concept(charged.code));
        told["servicedDate"] = day(bill.served_at).into();
        if let Some(charged) = charged {
            told["quantity"] = json!({"value": number(charged.quantity)});
            told["net"] = money(charged.gross);
        }
        told
    });
    let sum = |of: fn(&LineAdjudication) -> Money| Money::sum(decided.lines.iter().map(of)).unwrap_or_default();
    let total =
        |system: &str, category: &str, amount| json!({"category": code(system, category), "amount": money(amount)});
    let totals = [
        total(ADJUDICATION, "submitted", Money::sum(lines.iter().map(|line| line.gross)).unwrap_or_default()),
        total(ADJUDICATION, "eligible", sum(|line| line.allowed)),
        total(ADJUDICATION, "benefit", sum(|line| line.benefit)),
        total(OWN_ADJUDICATION, "contractual", sum(|line| line.contractual)),
        total(OWN_ADJUDICATION, "not-covered", sum(|line| line.not_covered)),
    ];
    let coverage = reference("Coverage", coverage_id(of.patient, of.payer));
    Some(
        Resource::new("ExplanationOfBenefit", answer_id(of.bill, of.payer))
            .with("identifier", json!([{"system": REFERENCES, "value": of.reference}]))
            .with("status", if of.reversed { "cancelled" } else { "active" })
            .with("type", claim_type())
            .with("use", "claim")
            .with("patient", patient(of.patient))
            .with("created", of.created.to_string())
            .with("insurer", organization_of(of.payer))
            .with("provider", hospital(of.tenant))
            .with("payee", payee(of.tenant))
            .with("claim", reference("Claim", of.bill))
            .with("claimResponse", reference("ClaimResponse", answer_id(of.bill, of.payer)))
            .with("outcome", "complete")
            .with("insurance", json!([{"focal": true, "coverage": coverage}]))
            .list("item", items)
            .list("total", totals)
            .done(),
    )
}

/// `ClaimResponse` with `use` = predetermination: a quote, which is not stored as one.
pub fn predetermined(charge: &xinglin_domain::billing::Charge, at: Instant) -> Value {
    let allocation = charge.allocation();
    let items = allocation.into_iter().flat_map(|of| of.shares()).map(|line| {
        let share = |(source, amount): (&Source, &Money)| {
            json!({"category": {"coding": [{"system": FUNDS, "code": fund(*source)}]}, "amount": money(*amount)})
        };
        let mut shares: Vec<Value> = line.parts.iter().map(share).collect();
        if line.adjustment > Money::ZERO || shares.is_empty() {
            let given_up = json!({"category": code(OWN_ADJUDICATION, "contractual"), "amount": money(line.adjustment)});
            shares.push(given_up);
        }
        json!({"itemSequence": line.number, "adjudication": shares})
    });
    let totals = allocation.into_iter().flat_map(|of| of.parts()).map(|(source, amount)| {
        json!({"category": {"coding": [{"system": FUNDS, "code": fund(*source)}]}, "amount": money(*amount)})
    });
    let insurer = charge.payers().last().map_or_else(|| json!({"display": "self-pay"}), |payer| organization_of(payer));
    let wanted = charge.bill().lacks_guarantees().collect::<Vec<_>>().join(", ");
    let disposition = Some(wanted).filter(|wanted| !wanted.is_empty());
    Resource::new("ClaimResponse", format!("{}-quote", charge.id()))
        .with("status", "active")
        .with("type", claim_type())
        .with("use", "predetermination")
        .with("patient", patient(&charge.patient().to_string()))
        .with("created", at.to_string())
        .with("insurer", insurer)
        .with("requestor", hospital(charge.tenant()))
        .with("request", json!({"identifier": {"system": crate::submitted::BILLS, "value": charge.id()}}))
        .with("outcome", "complete")
        .maybe("disposition", disposition.map(|wanted| format!("a guarantee of payment is wanted by {wanted}")))
        .list("item", items)
        .list("total", totals)
        .done()
}

/// `Invoice` of a bill, to the patient.
pub fn invoice(of: &Charge<'_>, titles: &[(u32, &str)]) -> Value {
    let lines = lines_of(of.bill);
    let items = lines.iter().map(|line| {
        let title = titles.iter().find(|(number, _)| *number == line.number).map_or("", |(_, title)| title);
        let said = spoken(concept(line.code), &LocalizedText::zh_en(title, title));
        json!({
            "sequence": line.number,
            "chargeItemCodeableConcept": said,
            "priceComponent": [{"type": "base", "amount": money(line.gross)}],
        })
    });
    Resource::new("Invoice", of.id)
        .with("status", if of.reversed { "cancelled" } else { "issued" })
        .with("subject", patient(of.patient))
        .with("recipient", patient(of.patient))
        .with("date", of.created.to_string())
        .with("issuer", hospital(of.tenant))
        .list("lineItem", items)
        .with("totalNet", money(of.total))
        .with("totalGross", money(of.total))
        .done()
}

const fn fund(of: Source) -> &'static str {
    match of {
        Source::BasicFund => "basic-fund",
        Source::SupplementaryFund => "supplementary-fund",
        Source::Commercial => "commercial",
        Source::PersonalAccount => "personal-account",
        Source::FamilyAccount => "family-account",
        Source::Cash => "cash",
    }
}

// --- remittances ------------------------------------------------------------

/// Money that a payer sent and that arrived.
#[derive(Debug, Clone)]
pub struct Remitted<'a> {
    /// The hospital.
    pub tenant: TenantId,
    /// Id of the payer's plugin.
    pub payer: &'a str,
    /// Trace number.
    pub trace: &'a str,
    /// How much.
    pub amount: Money,
    /// The bank's business day, as ISO date.
    pub day: &'a str,
    /// What of it is for which bill.
    pub bills: &'a [(BillId, Money)],
    /// When it was booked.
    pub created: Instant,
}

/// `PaymentReconciliation`: what of the money is for which claim.
pub fn payment_reconciliation(of: &Remitted<'_>) -> Value {
    let details = of.bills.iter().map(|(bill, amount)| {
        json!({
            "type": terminology("payment-type", "payment"),
            "request": reference("Claim", bill),
            "response": reference("ClaimResponse", answer_id(bill, of.payer)),
            "submitter": hospital(of.tenant),
            "payee": hospital(of.tenant),
            "date": of.day,
            "amount": money(*amount),
        })
    });
    Resource::new("PaymentReconciliation", remittance_id(of.payer, of.trace))
        .with("status", "active")
        .with("created", of.created.to_string())
        .with("paymentIssuer", organization_of(of.payer))
        .with("requestor", hospital(of.tenant))
        .with("outcome", "complete")
        .with("paymentDate", of.day)
        .with("paymentAmount", money(of.amount))
        .with("paymentIdentifier", json!({"system": TRACES, "value": of.trace}))
        .list("detail", details)
        .done()
}

/// `PaymentNotice`: that a remittance arrived at the hospital's bank.
pub fn payment_notice(of: &Remitted<'_>) -> Value {
    let notice = Resource::new("PaymentNotice", remittance_id(of.payer, of.trace))
        .with("status", "active")
        .with("created", of.created.to_string())
        .with("provider", hospital(of.tenant));
    let notice = match of.bills {
        [(bill, _)] => notice
            .with("request", reference("Claim", bill))
            .with("response", reference("ClaimResponse", answer_id(bill, of.payer))),
        _ => notice,
    };
    notice
        .with("payment", reference("PaymentReconciliation", remittance_id(of.payer, of.trace)))
        .with("paymentDate", of.day)
        .with("payee", hospital(of.tenant))
        .with("recipient", hospital(of.tenant))
        .with("amount", money(of.amount))
        .with("paymentStatus", terminology("paymentstatus", "cleared"))
        .done()
}

#[cfg(test)]
mod tests {
    use xinglin_domain::{
        coding::Citation,
        insurance::{ClaimLine, Pending, eligibility::Entitlement, preauthorization::GuaranteedLine},
        payer::{self, Guaranteed, LineResult, Part},
    };

    use super::*;
    use crate::{index::index, validate::validate};

    fn fen(fen: i64) -> Money {
        Money::fen(fen)
    }

    fn words(text: &str) -> LocalizedText {
        LocalizedText::zh_en(text, text)
    }

    fn citation() -> Citation {
        Citation { title: "Policy terms".into(), section: None, year: 2026, url: None }
    }

    fn at() -> Instant {
        Instant::parse("2026-01-01T00:00:00Z").expect("a time")
    }

    fn why() -> Refusal {
        Refusal { code: "COVERAGE_LAPSED".into(), message: words("保障已终止"), citation: citation() }
    }

    fn asked() -> Asked {
        let document = xinglin_domain::insurance::Document {
            kind: Coding::new("http://loinc.org", "34133-9"),
            id: "blob-1".into(),
        };
        Asked {
            bill: "bill-1".into(),
            served_at: at(),
            diagnoses: vec![Coding::new("http://hl7.org/fhir/sid/icd-10", "F32.1")],
            lines: vec![ClaimLine {
                number: 1,
                kind: LineKind::Service,
                code: vec![Coding::new("urn:items", "session")],
                quantity: Decimal::whole(1),
                gross: fen(120_000),
                prior: Vec::new(),
                basic: None,
                attributes: Vec::new(),
            }],
            preauthorization: None,
            related: Some("P-1".into()),
            documents: vec![document],
            attributes: Vec::new(),
        }
    }

    fn bill() -> Bill {
        let asked = asked();
        Bill {
            id: asked.bill,
            served_at: asked.served_at,
            diagnoses: asked.diagnoses,
            lines: vec![payer::Line {
                number: 1,
                kind: LineKind::Service,
                code: asked.lines[0].code.clone(),
                quantity: Decimal::whole(1),
                gross: fen(120_000),
                attributes: Vec::new(),
            }],
            prior: Vec::new(),
            use_account: false,
            guarantees: [("insurer".to_owned(), Guaranteed::Given("G-1".into()))].into(),
            attributes: Vec::new(),
        }
    }

    fn adjudication(insured: bool) -> Adjudication {
        let reason =
            Reason { code: Coding::new("urn:carc", "45"), message: words("协议折扣"), citation: citation() };
        let line = LineAdjudication {
            number: 1,
            contractual: fen(6_000),
            not_covered: fen(0),
            allowed: fen(114_000),
            deductible: fen(0),
            copay: fen(10_000),
            coinsurance: fen(0),
            over_limit: fen(0),
            benefit: fen(104_000),
            reasons: vec![reason],
        };
        let decided = Decided { lines: vec![line], draws: vec![], citation: citation(), attributes: vec![] };
        Adjudication {
            lines: vec![LineResult {
                number: 1,
                self_funded: fen(0),
                over_limit: fen(0),
                pre_self_pay: fen(10_000),
                in_scope: fen(110_000),
                note: words(""),
            }],
            parts: vec![
                Part { source: Source::Commercial, amount: fen(104_000) },
                Part { source: Source::Cash, amount: fen(10_000) },
            ],
            accumulators: Vec::new(),
            citation: citation(),
            attributes: Vec::new(),
            insured: insured.then(|| Box::new(decided)),
        }
    }

    /// Each is valid R4, and found under its patient if it has one.
    #[test]
    fn every_projection_is_valid_and_has_true_parties() {
        let (tenant, asked, bill) = (TenantId::from_u128(1), asked(), bill());
        let question = Question {
            id: InsuranceRequestId::from_u128(2),
            tenant,
            patient: "pat-1",
            payer: "insurer",
            claim: &asked,
            at: at(),
        };
        let alone = Question { claim: &Asked { lines: Vec::new(), ..asked.clone() }, ..question };
        let money = |fen: i64| Allowance::Money(Money::fen(fen));
        let period = Period { start: at(), end: at().plus_years(1) };
        let entitlement = Entitlement {
            benefits: vec![Benefit {
                number: 1,
                excluded: vec![why()],
                preauthorization_required: true,
                documents_wanted: vec![Coding::new("http://loinc.org", "34133-9")],
            }],
            balances: vec![
                Balance { code: "deductible".into(), period, used: money(1), limit: Some(money(2)) },
                Balance { code: "visits".into(), period, used: Allowance::Count(3), limit: None },
            ],
            citation: citation(),
        };
        let guarantee = Guarantee {
            reference: "G-1".into(),
            lines: vec![GuaranteedLine { number: 1, amount: fen(120_000), reasons: Vec::new() }],
            expires: at().plus_days(30),
        };
        let pending = |documents_wanted| Pending { reference: "P-1".into(), ask_after: at(), documents_wanted };
        let payers = ["insurer".to_owned()];
        let charge = |payers, reversed| Charge {
            id: BillId::from_u128(1),
            tenant,
            patient: "pat-1",
            payers,
            bill: &bill,
            total: fen(120_000),
            reversed,
            created: at(),
        };
        let (insured, fund) = (adjudication(true), adjudication(false));
        let answered = |adjudication, reversed| Answered {
            bill: BillId::from_u128(1),
            tenant,
            patient: "pat-1",
            payer: "insurer",
            reference: "E-1",
            adjudication,
            reversed,
            created: at(),
        };
        let plan = Coding::new("urn:plans", "GOLD");
        let category = Coding::new("urn:kinds", "group");
        let insurance = |plan, number, from| Coverage {
            patient: "pat-1",
            payer: "insurer",
            category: &category,
            from,
            until: None,
            plan,
            number,
            network: plan.map(|_| "direct"),
        };
        let of_patient = [
            coverage(&insurance(Some(&plan), "G-7", Some(at()))),
            coverage(&insurance(None, "", None)),
            eligibility_request(&question),
            eligibility_request(&alone),
            eligibility_response(&question, &Standing::InForce(entitlement), at()),
            eligibility_response(&question, &Standing::NotInForce(vec![why()]), at()),
            guarantee_request(&question, false),
            guarantee_request(&question, true),
            guarantee_response(&question, &Guarantees::Approved(guarantee.clone()), at()),
            guarantee_response(&question, &Guarantees::Partial(guarantee), at()),
            guarantee_response(&question, &Guarantees::Pending(pending(vec![plan.clone()])), at()),
            guarantee_response(&question, &Guarantees::Pending(pending(Vec::new())), at()),
            guarantee_response(&question, &Guarantees::Refused(vec![why()]), at()),
            guarantee_response(&question, &Guarantees::Cancelled, at()),
            claim(&charge(&payers[..], false)),
            claim(&charge(&[], true)),
            claim_response(&answered(&insured, false)),
            claim_response(&answered(&fund, true)),
            explanation_of_benefit(&answered(&insured, false), &bill).expect("an insurer"),
            invoice(&charge(&payers[..], false), &[(1, "心理咨询")]),
        ];
        assert_eq!(explanation_of_benefit(&answered(&fund, false), &bill), None);
        for resource in &of_patient {
            assert_eq!(validate(resource), Ok(()), "{resource}");
            let found = index(resource);
            assert_eq!(found.patient.as_deref(), Some("pat-1"), "{resource}");
        }
        let bills = [(BillId::from_u128(1), fen(104_000))];
        let remitted = Remitted {
            tenant,
            payer: "insurer",
            trace: "T-1",
            amount: fen(104_000),
            day: "2026-01-03",
            bills: &bills,
            created: at(),
        };
        let of_nobody = [
            hospital_organization(tenant, "杏林"),
            payer_organization("insurer", "保险公司"),
            payment_reconciliation(&remitted),
            payment_notice(&remitted),
            payment_notice(&Remitted { bills: &[], ..remitted.clone() }),
        ];
        for resource in &of_nobody {
            assert_eq!(validate(resource), Ok(()), "{resource}");
            assert_eq!(index(resource).patient, None, "{resource}");
        }
        let told = claim(&charge(&payers[..], false));
        assert_eq!(told["provider"]["reference"], format!("Organization/{tenant}"));
        assert_eq!(told["insurer"]["reference"], "Organization/payer-insurer");
        assert_eq!(told["insurance"][0]["preAuthRef"], json!(["G-1"]));
        assert_eq!(told["total"]["value"].to_string(), "1200.00");
        assert_eq!(told["item"][0]["servicedDate"], "2026-01-01");
        let eob = explanation_of_benefit(&answered(&insured, false), &bill).expect("an insurer");
        assert_eq!(eob["total"][2]["amount"]["value"].to_string(), "1040.00");
        for id in [payer_id(&"x".repeat(80)), coverage_id("pat-1", "p"), answer_id(BillId::from_u128(1), "p")] {
            assert!(id.len() <= LONGEST_ID, "{id}");
        }
    }
}
