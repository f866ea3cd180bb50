//! One suite for every insurer: what the host relies on, asked of a plugin in a test.
//!
//! ```ignore
//! let failures = conformance::check::<MyInsurer>(&Insured { host, policy, … });
//! assert!(failures.is_empty(), "{failures:#?}");
//! ```
//!
//! Every rule begins with a fresh copy of the host. What an insurer does not have (an exclusion, a
//! threshold) its [`Insured`] leaves out, and the rule holds of itself.

use super::{
    ClaimBuilder, Host, START,
    insurance::{ensure, is_reference, sound},
};
use crate::{
    insurance::{
        Allowance, Claim, Error, LineKind, Operation, Period, Policy, Source,
        claims::{Adjudication, Cancellation, Claims, ExplanationOfBenefit, Objection, Predetermined, Response},
        eligibility::{Eligibility, Entitlement, Standing},
        preauthorization::{Decision, Guarantee, Preauthorization},
        reconciliation::{Entry, Reconciliation, Statement},
    },
    money::Fen,
    time::{DAY, Instant, MINUTE},
    types::{Coding, Money, zh_en},
};

/// An insurer that exports all of `insurance-plugin`.
pub trait Insurer: Eligibility + Preauthorization + Claims + Reconciliation {}

impl<P: Eligibility + Preauthorization + Claims + Reconciliation> Insurer for P {}

/// A patient of an insurer, and what the contract says, as far as the rules ask about it.
#[derive(Debug, Clone)]
pub struct Insured {
    /// Fresh, with the settings that the insurer needs.
    pub host: Host,
    /// In force at [`START`] and for a year from it, in a network, every waiting period over. Its
    /// balances are those that `eligibility` answers.
    pub policy: Policy,
    /// The same policy corrected so that more is paid.
    pub better: Option<Policy>,
    /// The principal diagnosis of every claim.
    pub diagnosis: Coding,
    /// A service that is covered without a guarantee, and its price.
    pub service: (Coding, i64),
    /// An item that is not covered.
    pub excluded_item: Option<(LineKind, Coding)>,
    /// A diagnosis that is not covered.
    pub excluded_diagnosis: Option<Coding>,
    /// Days since the cover began, and a diagnosis that waits for them.
    pub waiting: Vec<(i64, Coding)>,
    /// A claim of more needs a guarantee of payment.
    pub threshold: Option<i64>,
    /// Kinds of documents wanted with a request for a guarantee.
    pub documents: Vec<Coding>,
    /// Kinds of documents wanted with a claim.
    pub claim_documents: Vec<Coding>,
    /// Most that is paid for a visit.
    pub visit_limit: Option<i64>,
    /// Code of the balance of what is paid in a year.
    pub annual_limit: Option<&'static str>,
    /// Whether advices of payment are expected for what was decided.
    pub remits: bool,
}

/// A rule that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule.
    pub rule: &'static str,
    /// What happened.
    pub reason: String,
}

type Rule<P> = (&'static str, fn(&mut Bench<'_, P>) -> Result<(), String>);

/// The rules that do not hold; none, for an insurer that the host can rely on.
pub fn check<P: Insurer>(insured: &Insured) -> Vec<Failure> {
    let rules: [Rule<P>; 16] = [
        ("lines", lines),
        ("predetermination", predetermination),
        ("replay", replay),
        ("conflict", conflict),
        ("never seen", never_seen),
        ("cancel", cancel),
        ("in force", in_force),
        ("network", network),
        ("waiting period", waiting_period),
        ("exclusions", exclusions),
        ("guarantee", guarantee),
        ("documents", documents),
        ("limits", limits),
        ("appeal", appeal),
        ("books", books),
        ("remittances", remittances),
    ];
    let failed = rules.into_iter().filter_map(|(rule, holds)| {
        let mut bench = Bench::<P>::new(insured);
        holds(&mut bench).err().map(|reason| Failure { rule, reason })
    });
    failed.collect()
}

type Check = Result<(), String>;

fn fails<T, U: std::fmt::Debug>(what: &str, answer: U) -> Result<T, String> {
    Err(format!("{what}: {answer:?}"))
}

/// One rule's host and patient.
struct Bench<'a, P> {
    insured: &'a Insured,
    host: Host,
    policy: Policy,
    plugin: std::marker::PhantomData<P>,
}

impl<'a, P: Insurer> Bench<'a, P> {
    fn new(insured: &'a Insured) -> Self {
        let policy = insured.policy.clone();
        Self { insured, host: insured.host.clone(), policy, plugin: std::marker::PhantomData }
    }

    /// Takes over the balances that the insurer has on a day, as the host does.
    fn refresh(&mut self, served_at: Instant) -> Check {
        let claim =
            self.claim("eligibility", &[self.insured.service.1]).with(|claim| claim.served_at = served_at).build();
        let entitlement = self.entitled(&claim)?;
        self.policy.balances = entitlement.balances;
        Ok(())
    }

    /// A claim of the covered service, a line for each amount, with every document.
    fn claim(&self, bill: &str, amounts: &[i64]) -> ClaimBuilder {
        let (item, _) = &self.insured.service;
        let claim = amounts
            .iter()
            .fold(ClaimBuilder::new(bill), |claim, amount| claim.line(LineKind::Service, item.clone(), "1", *amount));
        let claim = claim.with(|claim| claim.diagnoses.push(self.insured.diagnosis.clone()));
        let kinds = self.insured.documents.iter().chain(&self.insured.claim_documents);
        kinds.fold(claim, |claim, kind| claim.document(kind.clone(), "a-document"))
    }

    fn usual(&self, bill: &str) -> Claim {
        self.claim(bill, &[self.insured.service.1]).build()
    }

    fn entitled(&mut self, claim: &Claim) -> Result<Entitlement, String> {
        match self.eligible(claim)? {
            Standing::InForce(entitlement) => Ok(entitlement),
            other => fails("a policy in force is not", other),
        }
    }

    fn eligible(&mut self, claim: &Claim) -> Result<Standing, String> {
        let policy = self.policy.clone();
        let standing = self.host.call(|| P::check(claim.clone(), policy, claim.served_at));
        let standing = standing.map_err(|error| format!("no eligibility: {error:?}"))?;
        if let Standing::InForce(entitlement) = &standing {
            let is_same = entitlement
                .benefits
                .iter()
                .map(|benefit| benefit.number)
                .eq(claim.lines.iter().map(|line| line.number));
            ensure(is_same, || "not one benefit for each line, in its order".to_owned())?;
        }
        Ok(standing)
    }

    fn predetermine(&mut self, claim: &Claim) -> Result<Predetermined, String> {
        let policy = self.policy.clone();
        let answer = self.host.call(|| P::predetermine(claim.clone(), policy, claim.served_at));
        answer.map_err(|error| format!("not predetermined: {error:?}"))
    }

    fn send(&mut self, operation: &Operation, claim: &Claim) -> Result<Response, Error> {
        let policy = self.policy.clone();
        self.host.call(|| <P as Claims>::submit(operation.clone(), claim.clone(), policy))
    }

    fn submit(&mut self, key: &str, claim: &Claim) -> Result<Response, String> {
        let answer = self.send(&at(key, claim.served_at), claim);
        let answer = answer.map_err(|error| format!("not submitted: {error:?}"))?;
        match &answer {
            Response::Adjudicated(eob) => is_reference(&eob.reference)?,
            Response::Pending(pending) => is_reference(&pending.reference)?,
            Response::Refused(reasons) => ensure(!reasons.is_empty(), || "refused without a reason".to_owned())?,
            Response::Cancelled(_) => return fails("`cancelled` is an answer to `cancel` only", key),
        }
        Ok(answer)
    }

    fn paid(&mut self, key: &str, claim: &Claim) -> Result<ExplanationOfBenefit, String> {
        match self.submit(key, claim)? {
            Response::Adjudicated(eob) => Ok(eob),
            other => fails("a claim that is covered is not decided", other),
        }
    }

    fn status(&mut self, operation: &Operation, reference: Option<&str>) -> Result<Option<Response>, String> {
        let reference = reference.map(str::to_owned);
        let answer = self.host.call(|| <P as Claims>::status(operation.clone(), reference, operation.at));
        answer.map_err(|error| format!("no status: {error:?}"))
    }

    fn take_back(&mut self, key: &str, reference: &str) -> Result<Response, String> {
        let policy = self.policy.clone();
        let answer = self.host.call(|| <P as Claims>::cancel(at(key, START), reference.to_owned(), policy));
        answer.map_err(|error| format!("not cancelled: {error:?}"))
    }

    fn object(&mut self, key: &str, reference: &str) -> Result<Response, String> {
        let policy = self.policy.clone();
        let objection = Objection {
            reference: reference.to_owned(),
            lines: Vec::new(),
            grounds: zh_en("网络等级登记有误。", "The network was recorded wrongly."),
            documents: Vec::new(),
        };
        let answer = self.host.call(|| P::appeal(at(key, START + DAY), objection, policy));
        answer.map_err(|error| format!("no appeal: {error:?}"))
    }

    fn ask_guarantee(&mut self, key: &str, claim: &Claim) -> Result<Decision, String> {
        let policy = self.policy.clone();
        let operation = at(key, claim.served_at);
        let answer = self.host.call(|| <P as Preauthorization>::submit(operation, claim.clone(), policy));
        let answer = answer.map_err(|error| format!("no guarantee: {error:?}"))?;
        match &answer {
            Decision::Approved(guarantee) => self.guaranteed(claim, guarantee, true)?,
            Decision::Partial(guarantee) => self.guaranteed(claim, guarantee, false)?,
            Decision::Pending(pending) => is_reference(&pending.reference)?,
            Decision::Refused(reasons) => ensure(!reasons.is_empty(), || "refused without a reason".to_owned())?,
            Decision::Cancelled => return fails("`cancelled` is an answer to `cancel` only", key),
        }
        Ok(answer)
    }

    fn guaranteed(&self, claim: &Claim, guarantee: &Guarantee, is_whole: bool) -> Check {
        is_reference(&guarantee.reference)?;
        ensure(!guarantee.lines.is_empty(), || "a guarantee of nothing".to_owned())?;
        let mut is_full = guarantee.lines.len() == claim.lines.len();
        for line in &guarantee.lines {
            let asked = claim.lines.iter().find(|asked| asked.number == line.number);
            let rest = asked.ok_or_else(|| format!("the claim has no line {}", line.number))?.rest();
            let rest = rest.map_err(|error| error.to_string())?.amount();
            let amount = minor(&line.amount);
            ensure((0..=rest).contains(&amount), || format!("line {}: {amount} guaranteed of {rest}", line.number))?;
            ensure(amount == rest || !line.reasons.is_empty(), || {
                format!("line {}: less, without a reason", line.number)
            })?;
            is_full &= amount == rest;
        }
        ensure(is_full == is_whole, || "`approved` is every line in full, and `partial` is not".to_owned())
    }

    fn refused(&mut self, key: &str, claim: &Claim, code: &str) -> Check {
        match self.predetermine(claim)? {
            Predetermined::Declined(reasons) => ensure(reasons.iter().any(|reason| reason.code == code), || {
                format!("declined for other reasons than {code}: {reasons:?}")
            })?,
            other => return fails(&format!("predetermined in spite of {code}"), other),
        }
        match self.submit(key, claim)? {
            Response::Refused(reasons) => ensure(reasons.iter().any(|reason| reason.code == code), || {
                format!("refused for other reasons than {code}: {reasons:?}")
            }),
            other => fails(&format!("not refused in spite of {code}"), other),
        }
    }

    /// Adds what a decision drew, as the host does.
    fn draw(&mut self, adjudication: &Adjudication) {
        for draw in &adjudication.draws {
            let same =
                |balance: &&mut crate::insurance::Balance| balance.code == draw.code && balance.period == draw.period;
            let Some(balance) = self.policy.balances.iter_mut().find(same) else { continue };
            match (&mut balance.used, &draw.amount) {
                (Allowance::Money(used), Allowance::Money(amount)) => used.minor_units += amount.minor_units,
                (Allowance::Count(used), Allowance::Count(amount)) => *used += amount,
                _ => {}
            }
        }
    }
}

fn at(key: &str, at: Instant) -> Operation {
    Operation { key: key.to_owned(), at }
}

const fn minor(money: &Money) -> i64 {
    money.minor_units
}

fn benefit(adjudication: &Adjudication) -> i64 {
    adjudication.lines.iter().map(|line| minor(&line.benefit)).sum()
}

// --- rules ------------------------------------------------------------------------

/// Both identities hold in every line, whatever the amounts, and draws are within balances.
fn lines<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let price = bench.insured.service.1;
    let amounts: [&[i64]; 6] = [
        &[price],
        &[1],
        &[0, price / 2],
        &[price / 3, price / 3, 1],
        &[price / 7, 3, 11, price / 13],
        &[33, 33, 34, 99],
    ];
    for (index, amounts) in amounts.into_iter().enumerate() {
        let alone = bench.claim(&format!("bill-{index}"), amounts).build();
        // After another payer, which pays a third of every line.
        let second = bench.claim(&format!("after-{index}"), amounts).with(|claim| {
            for line in claim.lines.iter_mut().filter(|line| line.gross.minor_units >= 3) {
                let amount = Fen::new(line.gross.minor_units / 3).into();
                line.prior.push(crate::insurance::PriorShare { source: Source::BasicFund, amount });
            }
        });
        for claim in [alone, second.build()] {
            let eob = bench.paid(&claim.bill, &claim)?;
            sound(&eob.adjudication, &claim, &bench.policy)?;
            bench.draw(&eob.adjudication);
        }
    }
    Ok(())
}

/// It says what `submit` will, and changes nothing.
fn predetermination<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let claim = bench.usual("bill");
    let (first, again) = (bench.predetermine(&claim)?, bench.predetermine(&claim)?);
    ensure(first == again, || format!("{first:?} and then {again:?}"))?;
    let Predetermined::Covered(adjudication) = first else { return fails("not covered", first) };
    sound(&adjudication, &claim, &bench.policy)?;
    let eob = bench.paid("claim", &claim)?;
    ensure(eob.adjudication == adjudication, || "`submit` shares it otherwise".to_owned())
}

/// The same operation is answered the same, and is one claim.
fn replay<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let claim = bench.usual("bill");
    let first = bench.submit("claim", &claim)?;
    // What has changed since does not change what was answered.
    if let Response::Adjudicated(eob) = &first {
        bench.draw(&eob.adjudication.clone());
    }
    let again = bench.submit("claim", &claim)?;
    ensure(first == again, || format!("{first:?} and then {again:?}"))?;
    let status = bench.status(&at("claim", START), None)?;
    ensure(status.as_ref() == Some(&first), || format!("answered {first:?}, and `status` says {status:?}"))?;
    let asked = bench.claim("guarantee", &[bench.insured.service.1]).build();
    let (first, again) = (bench.ask_guarantee("guarantee", &asked)?, bench.ask_guarantee("guarantee", &asked)?);
    ensure(first == again, || format!("{first:?} and then {again:?}"))
}

/// The same key with other content is a conflict, and the first stands.
fn conflict<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let claim = bench.usual("bill");
    let eob = bench.paid("claim", &claim)?;
    let price = bench.insured.service.1;
    let others = [
        bench.claim("bill", &[price - 1]).build(),
        bench.claim("another-bill", &[price]).build(),
        bench.claim("bill", &[price]).prior(Source::Commercial, 1).build(),
        bench.claim("bill", &[price]).with(|claim| claim.served_at += MINUTE).build(),
        bench.claim("bill", &[price]).document(Coding::loinc("11506-3"), "another").build(),
    ];
    for other in others {
        let answer = bench.send(&at("claim", START), &other);
        ensure(matches!(answer, Err(Error::Conflict(_))), || format!("other content under the same key: {answer:?}"))?;
    }
    match bench.host.call(|| <P as Claims>::status(at("claim", START), None, START)) {
        Ok(Some(Response::Adjudicated(still))) if still == eob => Ok(()),
        other => fails("the first does not stand", other),
    }
}

/// `status` of what was never sent is `none`.
fn never_seen<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let claim = bench.usual("bill");
    bench.predetermine(&claim)?;
    let status = bench.status(&at("claim", START), None)?;
    ensure(status.is_none(), || format!("never sent, and `status` says {status:?}"))?;
    let status = bench.host.call(|| <P as Preauthorization>::status(at("guarantee", START), None, START));
    ensure(status == Ok(None), || format!("never asked, and `status` says {status:?}"))
}

/// A claim is cancelled once, under one reference, however often it is asked; the rest of the bill
/// can be claimed then.
fn cancel<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let claim = bench.usual("bill");
    let eob = bench.paid("claim", &claim)?;
    let first = bench.take_back("cancel", &eob.reference)?;
    let Response::Cancelled(cancellation) = &first else { return fails("not cancelled", first) };
    is_reference(&cancellation.reference)?;
    for key in ["cancel", "cancel-again"] {
        let again = bench.take_back(key, &eob.reference)?;
        ensure(again == first, || format!("cancelled as {first:?}, and then {again:?}"))?;
    }
    let status = bench.status(&at("cancel", START), None)?;
    ensure(status.as_ref() == Some(&first), || format!("cancelled, and `status` says {status:?}"))?;
    let answer = bench
        .host
        .call(|| <P as Claims>::cancel(at("nothing", START), format!("{}0", eob.reference), bench.policy.clone()));
    let is_none = matches!(answer, Ok(Response::Refused(_)) | Err(Error::NotDone(_)));
    ensure(is_none, || format!("cancelled what does not exist: {answer:?}"))?;
    let rest =
        bench.claim("bill", &[bench.insured.service.1 / 2]).with(|claim| claim.related = Some(eob.reference.clone()));
    let second = bench.paid("rest", &rest.build())?;
    ensure(second.reference != eob.reference, || "two decisions have one reference".to_owned())
}

/// The last day counts to its end in Asia/Shanghai; before the first nobody is insured.
fn in_force<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let balances = bench.policy.balances.clone();
    // START is 08:00 in Shanghai.
    let midnight = START - 8 * 60 * MINUTE + DAY;
    for last in [START, midnight - DAY, midnight - 1] {
        bench.policy.valid_until = Some(last);
        let name = format!("{}", last - START);
        let evening =
            bench.claim(&name, &[bench.insured.service.1]).with(|claim| claim.served_at = midnight - 1).build();
        bench.entitled(&evening)?;
        bench.paid(&name, &evening)?;
        bench.policy.balances.clone_from(&balances);
        let lapsed = bench.claim("lapsed", &[bench.insured.service.1]).with(|claim| claim.served_at = midnight).build();
        match bench.eligible(&lapsed)? {
            Standing::NotInForce(reasons) if !reasons.is_empty() => {}
            other => return fails("in force after its last day", other),
        }
        bench.refused(&format!("lapsed-{name}"), &lapsed, "COVERAGE_LAPSED")?;
    }
    bench.policy.valid_until = None;
    let Some(since) = bench.policy.valid_from else { return Ok(()) };
    let early = bench.claim("early", &[bench.insured.service.1]).with(|claim| claim.served_at = since - 1).build();
    match bench.eligible(&early)? {
        Standing::NotInForce(reasons) if !reasons.is_empty() => Ok(()),
        other => fails("in force before it began", other),
    }
}

/// Nothing is paid outside every network.
fn network<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    bench.policy.network = None;
    let claim = bench.usual("bill");
    excluded(&bench.entitled(&claim)?)?;
    match (bench.predetermine(&claim)?, bench.submit("claim", &claim)?) {
        (Predetermined::Declined(_), Response::Refused(_)) => Ok(()),
        other => fails("covered outside the network", other),
    }
}

fn excluded(entitlement: &Entitlement) -> Check {
    let is_excluded = entitlement.benefits.iter().all(|benefit| !benefit.excluded.is_empty());
    ensure(is_excluded, || "eligibility promises what is not covered".to_owned())
}

/// Covered from the day after the waiting period, which runs from the day on which the cover began.
fn waiting_period<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    for (days, diagnosis) in bench.insured.waiting.clone() {
        let bill = format!("{days}-{}", diagnosis.code);
        // The last day of it, and the day after.
        bench.policy.valid_from = Some(START - (days - 1) * DAY);
        bench.policy.balances.clear();
        bench.refresh(START)?;
        let claim =
            bench.claim(&bill, &[bench.insured.service.1]).with(|claim| claim.diagnoses = vec![diagnosis]).build();
        excluded(&bench.entitled(&claim)?)?;
        match (bench.predetermine(&claim)?, bench.submit(&format!("{bill}-early"), &claim)?) {
            (Predetermined::Declined(_), Response::Refused(_)) => {}
            other => return fails("covered while it waits", other),
        }
        bench.policy.valid_from = Some(START - days * DAY);
        bench.policy.balances.clear();
        bench.refresh(START)?;
        bench.paid(&bill, &claim)?;
    }
    Ok(())
}

/// An excluded item is the patient's, with a reason, and the rest is paid; under an excluded
/// diagnosis nothing is.
fn exclusions<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let price = bench.insured.service.1;
    if let Some((kind, item)) = bench.insured.excluded_item.clone() {
        let claim = bench.claim("mixed", &[price]).line(kind, item, "1", 4_500).build();
        let entitlement = bench.entitled(&claim)?;
        let promised: Vec<bool> = entitlement.benefits.iter().map(|benefit| benefit.excluded.is_empty()).collect();
        ensure(promised == [true, false], || format!("eligibility covers {promised:?}"))?;
        let eob = bench.paid("mixed", &claim)?;
        let [covered, excluded] = eob.adjudication.lines.as_slice() else { return fails("not two lines", eob) };
        ensure(minor(&excluded.not_covered) == 4_500 && !excluded.reasons.is_empty(), || format!("{excluded:?}"))?;
        ensure(minor(&covered.not_covered) == 0, || format!("{covered:?}"))?;
        bench.draw(&eob.adjudication);
    }
    if let Some(diagnosis) = bench.insured.excluded_diagnosis.clone() {
        let claim = bench.claim("excluded", &[price]).with(|claim| claim.diagnoses = vec![diagnosis]).build();
        excluded(&bench.entitled(&claim)?)?;
        match (bench.predetermine(&claim)?, bench.submit("excluded", &claim)?) {
            (Predetermined::Declined(_), Response::Refused(_)) => {}
            other => return fails("covered under an excluded diagnosis", other),
        }
    }
    Ok(())
}

/// Above the threshold nothing is paid without a guarantee; with one, no more than it says, for its
/// patient, once.
fn guarantee<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    let Some(threshold) = bench.insured.threshold else { return Ok(()) };
    bench.refresh(START)?;
    let within = bench.claim("within", &[threshold]).build();
    let entitlement = bench.entitled(&within)?;
    ensure(!entitlement.benefits[0].preauthorization_required, || {
        "a guarantee is asked below the threshold".to_owned()
    })?;
    let mut claim = bench.claim("above", &[threshold, 1]).build();
    let entitlement = bench.entitled(&claim)?;
    ensure(entitlement.benefits.iter().all(|benefit| benefit.preauthorization_required), || {
        "eligibility does not say that a guarantee is needed".to_owned()
    })?;
    bench.refused("without", &claim, "CLAIM_NO_PREAUTH")?;

    let excluded_item = bench.insured.excluded_item.clone();
    let mut asked = claim.clone();
    if let Some((kind, item)) = excluded_item {
        let with = ClaimBuilder::new("above").line(kind, item, "1", 4_500).build();
        asked.lines.extend(with.lines.into_iter().map(|line| crate::insurance::ClaimLine { number: 3, ..line }));
        match bench.ask_guarantee("mixed", &asked)? {
            Decision::Partial(partial) => ensure(partial.lines.iter().all(|line| line.number != 3), || {
                "an excluded item is guaranteed".to_owned()
            })?,
            other => return fails("not in part, with an excluded item", other),
        }
    }
    let decided = bench.ask_guarantee("guarantee", &claim)?;
    let (Decision::Approved(guarantee) | Decision::Partial(guarantee)) = decided else {
        return fails("not guaranteed", decided);
    };
    claim.preauthorization = Some(guarantee.reference.clone());

    let member = std::mem::replace(&mut bench.policy.member, "somebody else".to_owned());
    let others = bench.submit("others", &claim)?;
    ensure(matches!(others, Response::Refused(_)), || format!("another patient's guarantee holds: {others:?}"))?;
    bench.policy.member = member;

    let eob = bench.paid("claim", &claim)?;
    sound(&eob.adjudication, &claim, &bench.policy)?;
    for line in &eob.adjudication.lines {
        let most =
            guarantee.lines.iter().find(|given| given.number == line.number).map_or(0, |given| minor(&given.amount));
        ensure(minor(&line.benefit) <= most, || format!("line {}: more is paid than was guaranteed", line.number))?;
    }
    let twice =
        bench.claim("twice", &[threshold, 1]).with(|twice| twice.preauthorization = claim.preauthorization.clone());
    let answer = bench.submit("twice", &twice.build())?;
    ensure(matches!(answer, Response::Refused(_)), || format!("a guarantee holds twice: {answer:?}"))?;
    let release = |bench: &mut Bench<'_, P>, key: &str, reference: &str| {
        let policy = bench.policy.clone();
        bench.host.call(|| <P as Preauthorization>::cancel(at(key, START), reference.to_owned(), policy))
    };
    let answer = release(bench, "release-used", &guarantee.reference);
    ensure(matches!(answer, Ok(Decision::Refused(_))), || format!("given back while a claim rests on it: {answer:?}"))?;

    // Charged for more than was guaranteed.
    let asked = bench.claim("more", &[threshold, 1]).build();
    let decided = bench.ask_guarantee("guarantee-of-less", &asked)?;
    let (Decision::Approved(given) | Decision::Partial(given)) = decided else {
        return fails("not guaranteed", decided);
    };
    let more = bench.claim("more", &[threshold * 3, 1]);
    let more = more.with(|more| more.preauthorization = Some(given.reference.clone())).build();
    bench.draw(&eob.adjudication);
    let eob = bench.paid("more", &more)?;
    sound(&eob.adjudication, &more, &bench.policy)?;
    for line in &eob.adjudication.lines {
        let most = given.lines.iter().find(|given| given.number == line.number).map_or(0, |given| minor(&given.amount));
        ensure(minor(&line.benefit) <= most, || format!("line {}: more is paid than was guaranteed", line.number))?;
    }

    let unused = bench.claim("unused", &[threshold, 1]).build();
    let decided = bench.ask_guarantee("unused", &unused)?;
    let (Decision::Approved(unused) | Decision::Partial(unused)) = decided else {
        return fails("not guaranteed", decided);
    };
    for key in ["release", "release", "release-again"] {
        let answer = release(bench, key, &unused.reference);
        ensure(answer == Ok(Decision::Cancelled), || format!("given back: {answer:?}"))?;
    }
    let late = bench.claim("late", &[threshold, 1]).with(|late| late.preauthorization = Some(unused.reference.clone()));
    let answer = bench.submit("released", &late.build())?;
    ensure(matches!(answer, Response::Refused(_)), || format!("holds after it was given back: {answer:?}"))
}

/// Without its documents a request waits, and says for which; a new one with `related` completes it.
fn documents<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let price = bench.insured.service.1;
    let same = |wanted: &[Coding], kinds: &[Coding]| {
        wanted.len() == kinds.len() && kinds.iter().all(|kind| wanted.iter().any(|wanted| wanted.same(kind)))
    };
    let (kinds, claim_kinds) = (bench.insured.documents.clone(), bench.insured.claim_documents.clone());
    if !kinds.is_empty() {
        let bare = bench.claim("guarantee", &[price]).with(|claim| claim.documents.clear()).build();
        let Decision::Pending(pending) = bench.ask_guarantee("guarantee", &bare)? else {
            return fails("a guarantee without its documents", "");
        };
        ensure(same(&pending.documents_wanted, &kinds), || format!("wanted: {:?}", pending.documents_wanted))?;
        ensure(pending.ask_after > START, || "worth asking at once".to_owned())?;
        let whole = bench.claim("guarantee", &[price]).with(|claim| claim.related = Some(pending.reference.clone()));
        match bench.ask_guarantee("complete", &whole.build())? {
            Decision::Approved(_) | Decision::Partial(_) => {}
            other => return fails("not decided with its documents", other),
        }
        let status = bench
            .host
            .call(|| <P as Preauthorization>::status(at("guarantee", START), Some(pending.reference.clone()), START));
        ensure(!matches!(status, Ok(None | Some(Decision::Pending(_))) | Err(_)), || {
            format!("completed, and its status is {status:?}")
        })?;
    }
    if !claim_kinds.is_empty() {
        let bare = bench.claim("bill", &[price]).with(|claim| claim.documents.clear()).build();
        let Response::Pending(pending) = bench.submit("claim", &bare)? else {
            return fails("decided without its documents", "");
        };
        ensure(same(&pending.documents_wanted, &claim_kinds), || format!("wanted: {:?}", pending.documents_wanted))?;
        let whole = bench.claim("bill", &[price]).with(|claim| claim.related = Some(pending.reference.clone())).build();
        let eob = bench.paid("complete-claim", &whole)?;
        sound(&eob.adjudication, &whole, &bench.policy)?;
        let status = bench.status(&at("claim", START), Some(&pending.reference))?;
        ensure(!matches!(status, None | Some(Response::Pending(_))), || {
            format!("completed, and its status is {status:?}")
        })?;
        let stranger =
            bench.claim("other", &[price]).with(|claim| claim.related = Some("no-such-request".to_owned())).build();
        let answer = bench.send(&at("stranger", START), &stranger);
        ensure(matches!(answer, Ok(Response::Refused(_)) | Err(Error::NotDone(_))), || {
            format!("completes what does not exist: {answer:?}")
        })?;
    }
    Ok(())
}

/// No visit and no year pays more than its limit, over several claims; a new year begins anew.
fn limits<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    bench.refresh(START)?;
    let price = bench.insured.service.1;
    if let Some(limit) = bench.insured.visit_limit {
        let mut claim = bench.claim("visit", &[limit, limit]).build();
        if bench.insured.threshold.is_some_and(|most| limit * 2 > most) {
            let decided = bench.ask_guarantee("visit-guarantee", &claim)?;
            let Decision::Partial(given) = decided else { return fails("a guarantee beyond the limit", decided) };
            let sum: i64 = given.lines.iter().map(|line| minor(&line.amount)).sum();
            ensure(sum <= limit, || format!("{sum} guaranteed of at most {limit}"))?;
            claim.preauthorization = Some(given.reference);
        }
        let eob = bench.paid("visit", &claim)?;
        sound(&eob.adjudication, &claim, &bench.policy)?;
        let paid = benefit(&eob.adjudication);
        ensure(paid <= limit, || format!("{paid} paid for a visit of at most {limit}"))?;
        ensure(eob.adjudication.lines.iter().any(|line| minor(&line.over_limit) > 0), || {
            "nothing is over the limit".to_owned()
        })?;
    }
    let Some(code) = bench.insured.annual_limit else { return Ok(()) };
    bench.refresh(START)?;
    let served = |bench: &Bench<'_, P>, bill: &str, at: Instant| {
        bench.claim(bill, &[price]).with(|claim| claim.served_at = at).build()
    };
    // What one claim pays when nothing bounds it, and then room for two and a half.
    let Predetermined::Covered(usual) = bench.predetermine(&served(bench, "usual", START))? else {
        return fails("not covered", code);
    };
    bench.draw(&usual);
    let Predetermined::Covered(usual) = bench.predetermine(&served(bench, "usual", START))? else {
        return fails("not covered", code);
    };
    let each = benefit(&usual);
    let Some(balance) = bench.policy.balances.iter_mut().find(|balance| balance.code == code) else {
        return fails("eligibility has no balance", code);
    };
    let (Some(Allowance::Money(limit)), Allowance::Money(used)) = (&balance.limit, &mut balance.used) else {
        return fails("no limit of money", code);
    };
    let room = each * 5 / 2;
    used.minor_units = limit.minor_units - room;
    let end = balance.period.end;
    let mut paid = Vec::new();
    for index in 0..3 {
        let claim = served(bench, &format!("annual-{index}"), START + index * DAY);
        let eob = bench.paid(&claim.bill, &claim)?;
        sound(&eob.adjudication, &claim, &bench.policy)?;
        paid.push(benefit(&eob.adjudication));
        bench.draw(&eob.adjudication);
    }
    ensure(paid.iter().sum::<i64>() == room && paid[0] == each, || format!("{paid:?} paid of {room}"))?;
    let over = served(bench, "over", START + 4 * DAY);
    excluded(&bench.entitled(&over)?)?;
    bench.refused("over", &over, "CLAIM_LIMIT")?;
    // Only what is left of this year is gone.
    bench.refresh(end)?;
    let next = served(bench, "next", end);
    let eob = bench.paid("next", &next)?;
    sound(&eob.adjudication, &next, &bench.policy)
}

/// A decision anew takes the place of the former, and leaves it alone if nothing changes.
fn appeal<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    let Some(mut better) = bench.insured.better.clone() else { return Ok(()) };
    bench.refresh(START)?;
    let claim = bench.usual("bill");
    // A deductible would hide the difference.
    for index in 0..2 {
        let first = bench.usual(&format!("before-{index}"));
        let eob = bench.paid(&first.bill, &first)?;
        bench.draw(&eob.adjudication);
    }
    let former = bench.paid("claim", &claim)?;
    bench.draw(&former.adjudication);
    let upheld = bench.object("upheld", &former.reference)?;
    ensure(matches!(upheld, Response::Refused(_)), || format!("decided anew without a reason: {upheld:?}"))?;
    better.balances.clone_from(&bench.policy.balances);
    bench.policy = better;
    let answer = bench.object("appeal", &former.reference)?;
    let Response::Adjudicated(anew) = &answer else { return fails("not decided anew", answer) };
    ensure(anew.reference != former.reference, || "it has the reference of the former".to_owned())?;
    let (less, more) = (benefit(&former.adjudication), benefit(&anew.adjudication));
    ensure(more > less, || format!("{more} after {less}"))?;
    sound(&anew.adjudication, &claim, &bench.policy)?;
    let again = bench.object("appeal", &former.reference)?;
    ensure(again == answer, || format!("{answer:?} and then {again:?}"))?;
    let status = bench.status(&at("appeal", START + DAY), None)?;
    ensure(status.as_ref() == Some(&answer), || format!("decided, and `status` says {status:?}"))?;
    let late = bench.take_back("cancel-former", &former.reference)?;
    ensure(matches!(late, Response::Refused(_)), || {
        format!("the former is cancelled after it was replaced: {late:?}")
    })?;
    let cancelled = bench.take_back("cancel-new", &anew.reference)?;
    ensure(matches!(cancelled, Response::Cancelled(_)), || format!("not cancelled: {cancelled:?}"))
}

const fn around() -> Period {
    Period { start: START - DAY, end: START + 10 * DAY }
}

/// Two claims, one of them cancelled: what our ledger has.
fn ledger<P: Insurer>(bench: &mut Bench<'_, P>) -> Result<Vec<Entry>, String> {
    bench.refresh(START)?;
    let mut entries = Vec::new();
    for index in 0..4 {
        let claim = bench.claim(&format!("bill-{index}"), &[bench.insured.service.1 - index]).build();
        let eob = bench.paid(&claim.bill, &claim)?;
        bench.draw(&eob.adjudication);
        let amount = benefit(&eob.adjudication);
        entries.push(Entry { reference: eob.reference.clone(), amount: Fen::new(amount).into() });
        if index == 3 {
            let answer = bench.take_back("cancel", &eob.reference)?;
            let Response::Cancelled(Cancellation { reference }) = answer else { return fails("not cancelled", answer) };
            entries.push(Entry { reference, amount: Fen::new(-amount).into() });
            // Asked again it is cancelled already, and no entry of its own.
            bench.take_back("cancel-again", &eob.reference)?;
        }
    }
    Ok(entries)
}

/// Equal books have no difference; each way to differ is found, and the equation holds.
fn books<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    let entries = ledger(bench)?;
    let compare = |bench: &mut Bench<'_, P>, entries: &[Entry]| {
        let statement = Statement { period: around(), entries: entries.to_vec() };
        let comparison = bench.host.call(|| P::compare(statement, START + 20 * DAY));
        let comparison = comparison.map_err(|error| format!("not compared: {error:?}"))?;
        let ours: i64 = entries.iter().map(|entry| minor(&entry.amount)).sum();
        let side = |amount: &Option<Money>| amount.as_ref().map_or(0, minor);
        let moved: i64 = comparison.differences.iter().map(|d| side(&d.payer) - side(&d.hospital)).sum();
        ensure(minor(&comparison.total) == ours + moved, || "the total is not ours and the differences".to_owned())?;
        let mut found: Vec<String> =
            comparison.differences.into_iter().map(|difference| difference.reference).collect();
        found.sort();
        Ok::<_, String>(found)
    };
    let found = compare(bench, &entries)?;
    ensure(found.is_empty(), || format!("equal books differ in {found:?}"))?;

    let mut ours = entries.clone();
    let mut expected = vec![ours[0].reference.clone(), ours[1].reference.clone(), "not-theirs".to_owned()];
    ours[0].amount.minor_units -= 1;
    ours.remove(1);
    ours.push(Entry { reference: "not-theirs".to_owned(), amount: Fen::new(7).into() });
    expected.sort();
    let found = compare(bench, &ours)?;
    ensure(found == expected, || format!("{found:?} instead of {expected:?}"))
}

/// Trace numbers are unique, sums hold, oldest first, and a part of a period has its part of them.
fn remittances<P: Insurer>(bench: &mut Bench<'_, P>) -> Check {
    let entries = ledger(bench)?;
    let later =
        bench.claim("later", &[bench.insured.service.1]).with(|claim| claim.served_at = START + 2 * DAY).build();
    let eob = bench.paid("later", &later)?;
    let now = START + 60 * DAY;
    let ask = |bench: &mut Bench<'_, P>, start: Instant, end: Instant| {
        let answer = bench.host.call(|| P::remittances(Period { start, end }, now));
        answer.map_err(|error| format!("no remittances: {error:?}"))
    };
    let all = ask(bench, START - DAY, now)?;
    ensure(!bench.insured.remits || all.len() > 1, || format!("{} remittances for claims of two days", all.len()))?;
    let mut traces: Vec<_> = all.iter().map(|remittance| remittance.trace.clone()).collect();
    traces.sort();
    traces.dedup();
    ensure(traces.len() == all.len(), || format!("trace numbers are not unique: {traces:?}"))?;
    ensure(all.is_sorted_by_key(|remittance| remittance.sent_at), || "not oldest first".to_owned())?;
    for remittance in &all {
        let sum: i64 = remittance.items.iter().map(|item| minor(&item.amount)).sum();
        ensure(minor(&remittance.amount) == sum + minor(&remittance.adjustment), || {
            format!("{}: its items do not sum to {}", remittance.trace, minor(&remittance.amount))
        })?;
        for item in &remittance.items {
            let is_known =
                entries.iter().any(|entry| entry.reference == item.reference) || item.reference == eob.reference;
            ensure(is_known, || format!("{}: `{}` is nothing of ours", remittance.trace, item.reference))?;
        }
    }
    for middle in [START, START + DAY, START + 3 * DAY, START + 31 * DAY] {
        let mut parts = ask(bench, START - DAY, middle)?;
        parts.extend(ask(bench, middle, now)?);
        ensure(parts == all, || "two parts of a period have not what the whole has".to_owned())?;
    }
    Ok(())
}
