//! Decisions of this plugin, by the terms of the contract. Each is stored before it is answered.

use xinglin_sdk::{
    insurance::{
        Claim, Error, Operation, Pending, Policy,
        claims::{Cancellation, ExplanationOfBenefit, Objection, Predetermined, Response},
        eligibility::{Benefit, Entitlement, Standing},
        preauthorization::{Decision, Guarantee, GuaranteedLine},
    },
    money::Fen,
    time::{Instant, plus_days},
    types::{Coding, Codings as _},
};

use crate::{
    adjudicate::{self, Figures, Guaranteed},
    calendar,
    case::{self, Case, Content, Member},
    memory::{self, Entry, Key, Outcome, Verb},
    not_done,
    profile::Profile,
    refusal::{refusal, refusals},
    share::split,
    terms::{Terms, lacking},
};

/// A contract for the plan of a policy.
pub struct Desk<'a> {
    /// The insurer.
    pub profile: &'static Profile,
    /// The terms, which a cancellation does not need.
    pub terms: Result<Terms<'a>, Error>,
    /// The policy.
    pub policy: &'a Policy,
}

/// Hours of work on papers that were handed in.
const ASK_AFTER_DAYS: i64 = 1;

impl Desk<'_> {
    fn terms(&self) -> Result<&Terms<'_>, Error> {
        self.terms.as_ref().map_err(Clone::clone)
    }

    /// What the policy gives for a claim.
    pub fn check(&self, claim: &Claim) -> Result<Standing, Error> {
        let (profile, terms, policy) = (self.profile, self.terms()?, self.policy);
        let case = Case::of(claim)?;
        let reasons = adjudicate::not_in_force(&case, policy, terms)?;
        if !reasons.is_empty() {
            return Ok(Standing::NotInForce(refusals(profile, &reasons)));
        }
        let whole = adjudicate::not_covered(&case, policy, terms)?;
        let benefits = case.lines.iter().map(|line| {
            let item = adjudicate::is_excluded(line, terms).then_some("EXCLUDED_ITEM");
            let is_first = adjudicate::needs_guarantee(line, &case, terms);
            let mut wanted = if is_first { lacking(claim, &terms.documents) } else { Vec::new() };
            for kind in lacking(claim, &terms.claim_documents) {
                if !wanted.has(&kind.system, &kind.code) {
                    wanted.push(kind);
                }
            }
            Benefit {
                number: line.number,
                excluded: refusals(profile, whole.iter().copied().chain(item).collect::<Vec<_>>()),
                preauthorization_required: is_first,
                documents_wanted: wanted,
            }
        });
        Ok(Standing::InForce(Entitlement {
            benefits: benefits.collect(),
            balances: adjudicate::balances(&case, policy, terms),
            citation: profile.cite("policy, networks, waiting-days, excluded"),
        }))
    }

    /// How the claim would be shared now.
    pub fn predetermine(&self, claim: &Claim, now: Instant) -> Result<Predetermined, Error> {
        Ok(match self.decide(&self.read(claim)?, claim, now, None)? {
            Ok(figures) => Predetermined::Covered(figures.adjudication(self.profile)),
            Err(codes) => Predetermined::Declined(refusals(self.profile, &codes)),
        })
    }

    fn read(&self, claim: &Claim) -> Result<Case, Error> {
        let case = Case::of(claim)?;
        if case.lines.is_empty() { Err(not_done("the claim has no lines".to_owned())) } else { Ok(case) }
    }

    /// Shares a claim, or says why it is not taken up. `standing` is a claim that the guarantee may
    /// have been used for.
    fn decide(
        &self,
        case: &Case,
        claim: &Claim,
        at: Instant,
        standing: Option<Key>,
    ) -> Result<Result<Figures, Vec<String>>, Error> {
        if claim.currency != Fen::CURRENCY {
            return Ok(Err(vec!["CURRENCY_NOT_ACCEPTED".to_owned()]));
        }
        self.shares(case, at, standing)
    }

    fn shares(&self, case: &Case, at: Instant, standing: Option<Key>) -> Result<Result<Figures, Vec<String>>, Error> {
        let (terms, policy) = (self.terms()?, self.policy);
        let refuse = |codes: Vec<&str>| Ok(Err(codes.into_iter().map(str::to_owned).collect()));
        let mut reasons = adjudicate::not_in_force(case, policy, terms)?;
        if !reasons.is_empty() {
            return refuse(reasons);
        }
        reasons = adjudicate::not_covered(case, policy, terms)?;
        let needs = case.lines.iter().any(|line| adjudicate::needs_guarantee(line, case, terms));
        let guaranteed = match &case.preauthorization {
            Some(reference) => match self.guaranteed(reference, case.served_at, standing)? {
                Ok(lines) => Some(lines),
                Err(code) => {
                    reasons.push(code);
                    None
                }
            },
            None if needs => {
                reasons.push("CLAIM_NO_PREAUTH");
                None
            }
            None => None,
        };
        if !reasons.is_empty() {
            return refuse(reasons);
        }
        let figures = adjudicate::figures(case, policy, terms, guaranteed.as_ref(), at)?;
        let nothing = figures.nothing_covered();
        Ok(if nothing.is_empty() { Ok(figures) } else { Err(nothing) })
    }

    /// The lines of a guarantee, or why it does not hold for this patient and day.
    fn guaranteed(
        &self,
        reference: &str,
        served_at: Instant,
        standing: Option<Key>,
    ) -> Result<Result<Guaranteed, &'static str>, Error> {
        let Some((key, entry)) = self.find(reference, &['G'])? else { return Ok(Err("PREAUTHORIZATION_UNKNOWN")) };
        let Outcome::Guaranteed { lines, expires, .. } = entry.outcome else {
            return Ok(Err("PREAUTHORIZATION_UNKNOWN"));
        };
        if memory::ended(key)?.is_some() {
            return Ok(Err("PREAUTHORIZATION_CANCELLED"));
        }
        if memory::user(key)?.is_some_and(|claim| Some(claim) != standing) {
            return Ok(Err("PREAUTHORIZATION_USED"));
        }
        Ok(if served_at < expires { Ok(lines) } else { Err("PREAUTHORIZATION_EXPIRED") })
    }

    /// What a reference of this insurer and member is of.
    fn find(&self, reference: &str, kinds: &[char]) -> Result<Option<(Key, Entry)>, Error> {
        let Some(key) = Key::referred(reference, kinds) else { return Ok(None) };
        let is_ours = |entry: &Entry| entry.profile == self.profile.id && entry.member == Member::of(self.policy);
        Ok(memory::load(key)?.filter(is_ours).map(|entry| (key, entry)))
    }

    fn entry(&self, operation: &Operation, verb: Verb, content: Content, outcome: Outcome) -> Entry {
        Entry {
            verb,
            profile: self.profile.id.to_owned(),
            member: Member::of(self.policy),
            content,
            at: operation.at,
            case: None,
            about: None,
            outcome,
        }
    }

    /// What a new request completes: the pending one, or none if it was cancelled before; or why it
    /// cannot.
    fn related(&self, claim: &Claim, is_before_service: bool) -> Result<Result<Option<Key>, &'static str>, Error> {
        let Some(reference) = &claim.related else { return Ok(Ok(None)) };
        let found = self.find(reference, &['P', 'G', 'E', 'C'])?;
        let Some((key, entry)) = found.filter(|(_, entry)| entry.verb.is_before_service() == is_before_service) else {
            return Ok(Err("RELATED_UNKNOWN"));
        };
        Ok(match (&entry.outcome, memory::ended(key)?) {
            (Outcome::Cancelled(_), _) => Ok(None),
            (_, Some((_, by))) if matches!(by.outcome, Outcome::Cancelled(_)) => Ok(None),
            (Outcome::Pending(_), None) => Ok(Some(key)),
            (Outcome::Pending(_), Some(_)) => Err("COMPLETED_BY_LATER_REQUEST"),
            _ => Err("RELATED_STANDS"),
        })
    }

    // --- preauthorization -------------------------------------------------------

    /// Asks for a guarantee of payment.
    pub fn guarantee(&self, operation: &Operation, claim: &Claim) -> Result<Decision, Error> {
        let (key, content) = (Key::of(operation), case::of_claim(claim, self.policy));
        if let Some(entry) = memory::recall(operation, Verb::Guarantee, content)? {
            return decision(key, &entry);
        }
        let case = self.read(claim)?;
        let (completes, outcome) = match self.related(claim, true)? {
            Err(code) => (None, Outcome::Refused(vec![code.to_owned()])),
            Ok(completes) => (completes, self.guaranteeing(&case, claim, operation.at)?),
        };
        if let Some(pending) = completes {
            memory::end(pending, key)?;
        }
        let entry = self.entry(operation, Verb::Guarantee, content, outcome);
        memory::remember(key, &entry)?;
        decision(key, &entry)
    }

    fn guaranteeing(&self, case: &Case, claim: &Claim, at: Instant) -> Result<Outcome, Error> {
        let (terms, policy) = (self.terms()?, self.policy);
        let refuse = |codes: Vec<&str>| Ok(Outcome::Refused(codes.into_iter().map(str::to_owned).collect()));
        if claim.currency != Fen::CURRENCY {
            return refuse(vec!["CURRENCY_NOT_ACCEPTED"]);
        }
        let mut reasons = adjudicate::not_in_force(case, policy, terms)?;
        if reasons.is_empty() {
            reasons = adjudicate::not_covered(case, policy, terms)?;
        }
        if !reasons.is_empty() {
            return refuse(reasons);
        }
        let covered: Vec<_> = case.lines.iter().filter(|line| !adjudicate::is_excluded(line, terms)).collect();
        if covered.is_empty() {
            return refuse(vec!["EXCLUDED_ITEM"]);
        }
        let wanted = lacking(claim, &terms.documents);
        if !wanted.is_empty() {
            return Ok(Outcome::Pending(wanted.iter().map(memory::pair).collect()));
        }
        let asked: Vec<Fen> = covered.iter().map(|line| Fen::new(line.rest)).collect();
        let whole = Fen::new(case.charged());
        let sum = Fen::new(covered.iter().map(|line| line.rest).sum());
        let most = adjudicate::ceiling(case, policy, terms).map_or(sum, |most| most.min(sum));
        let given = split(most, &asked).map_err(|error| not_done(error.to_string()))?;
        let lines: Guaranteed =
            covered.iter().zip(given).map(|(line, amount)| (line.number, amount.amount())).collect();
        let pairs = covered.iter().zip(&lines);
        let short = pairs.filter(|(line, (_, given))| *given < line.rest).map(|(line, _)| line.number).collect();
        let mut expires = calendar::end_of_day(plus_days(at, terms.guarantee_days));
        if let Some(last) = policy.valid_until {
            expires = expires.min(calendar::end_of_day(last));
        }
        let is_whole = covered.len() == case.lines.len() && most == whole;
        Ok(Outcome::Guaranteed { lines, short, is_whole, expires })
    }

    /// Gives a guarantee back.
    pub fn release(&self, operation: &Operation, reference: &str) -> Result<Decision, Error> {
        let (key, content) = (Key::of(operation), case::of_reference(reference, self.policy));
        if let Some(entry) = memory::recall(operation, Verb::Release, content)? {
            return decision(key, &entry);
        }
        let found = self.find(reference, &['G', 'P'])?.filter(|(_, entry)| entry.verb == Verb::Guarantee);
        let about = found.as_ref().map(|(about, _)| *about);
        let outcome = match found {
            None => refused("GUARANTEE_UNKNOWN"),
            Some((about, _)) => match memory::ended(about)? {
                Some((by, ending)) if matches!(ending.outcome, Outcome::Cancelled(_)) => Outcome::Cancelled(by),
                Some(_) => refused("COMPLETED_BY_LATER_REQUEST"),
                None if memory::user(about)?.is_some() => refused("GUARANTEE_USED"),
                None => {
                    memory::end(about, key)?;
                    Outcome::Cancelled(key)
                }
            },
        };
        let entry = Entry { about, ..self.entry(operation, Verb::Release, content, outcome) };
        memory::remember(key, &entry)?;
        decision(key, &entry)
    }

    // --- claims -----------------------------------------------------------------

    /// Asks to pay.
    pub fn submit(&self, operation: &Operation, claim: &Claim) -> Result<Response, Error> {
        let (key, content) = (Key::of(operation), case::of_claim(claim, self.policy));
        if let Some(entry) = memory::recall(operation, Verb::Claim, content)? {
            return response(key, &entry);
        }
        let (case, member) = (self.read(claim)?, Member::of(self.policy));
        let (completes, outcome) = match self.related(claim, false)? {
            Err(code) => (None, refused(code)),
            Ok(completes) => {
                let other = memory::claimed(self.profile, member, &case.bill)?;
                if other.is_some() && other != completes {
                    (None, refused("DUPLICATE_CLAIM"))
                } else {
                    (completes, self.paying(&case, claim, operation.at)?)
                }
            }
        };
        if matches!(outcome, Outcome::Decided(_) | Outcome::Pending(_)) {
            memory::claim(self.profile, member, &case.bill, key)?;
        }
        let guarantee = case.preauthorization.as_deref().and_then(|reference| Key::referred(reference, &['G']));
        if let (Some(guarantee), Outcome::Decided(_)) = (guarantee, &outcome) {
            memory::rest(guarantee, key)?;
        }
        if let Some(pending) = completes {
            memory::end(pending, key)?;
        }
        let entry = Entry { case: Some(case), ..self.entry(operation, Verb::Claim, content, outcome) };
        memory::remember(key, &entry)?;
        response(key, &entry)
    }

    fn paying(&self, case: &Case, claim: &Claim, at: Instant) -> Result<Outcome, Error> {
        let figures = match self.decide(case, claim, at, None)? {
            Ok(figures) => figures,
            Err(codes) => return Ok(Outcome::Refused(codes)),
        };
        let wanted = lacking(claim, &self.terms()?.claim_documents);
        Ok(match wanted.is_empty() {
            true => Outcome::Decided(figures),
            false => Outcome::Pending(wanted.iter().map(memory::pair).collect()),
        })
    }

    /// Takes a claim back.
    pub fn cancel(&self, operation: &Operation, reference: &str) -> Result<Response, Error> {
        let (key, content) = (Key::of(operation), case::of_reference(reference, self.policy));
        if let Some(entry) = memory::recall(operation, Verb::Cancel, content)? {
            return response(key, &entry);
        }
        let found = self.find(reference, &['E', 'P'])?.filter(|(_, entry)| !entry.verb.is_before_service());
        let about = found.as_ref().map(|(about, _)| *about);
        let outcome = match found {
            None => refused("CLAIM_UNKNOWN"),
            Some((about, entry)) => match (memory::ended(about)?, entry.outcome) {
                (Some((by, ending)), _) if matches!(ending.outcome, Outcome::Cancelled(_)) => Outcome::Cancelled(by),
                (Some((_, ending)), _) if ending.verb == Verb::Appeal => refused("CLAIM_REPLACED"),
                (Some(_), _) => refused("COMPLETED_BY_LATER_REQUEST"),
                (None, Outcome::Decided(_) | Outcome::Pending(_)) => {
                    memory::end(about, key)?;
                    Outcome::Cancelled(key)
                }
                (None, _) => refused("CLAIM_UNKNOWN"),
            },
        };
        let entry = Entry { about, ..self.entry(operation, Verb::Cancel, content, outcome) };
        memory::remember(key, &entry)?;
        response(key, &entry)
    }

    /// Decides anew, by the policy and the terms as they are now. A decision that would pay no more
    /// is upheld: an objection never costs the patient anything.
    pub fn appeal(&self, operation: &Operation, objection: &Objection) -> Result<Response, Error> {
        let (key, content) = (Key::of(operation), case::of_objection(objection, self.policy));
        if let Some(entry) = memory::recall(operation, Verb::Appeal, content)? {
            return response(key, &entry);
        }
        let found = self.find(&objection.reference, &['E'])?;
        let mut entry = self.entry(operation, Verb::Appeal, content, refused("CLAIM_UNKNOWN"));
        if let Some((about, former)) = found {
            entry.outcome = self.anew(about, &former, objection, operation.at)?;
            if let (Outcome::Decided(_), Some(case)) = (&entry.outcome, former.case) {
                memory::claim(self.profile, entry.member, &case.bill, key)?;
                if let Some(guarantee) = case.preauthorization.as_deref().and_then(|at| Key::referred(at, &['G'])) {
                    memory::rest(guarantee, key)?;
                }
                memory::end(about, key)?;
                (entry.about, entry.case) = (Some(about), Some(case));
            }
        }
        memory::remember(key, &entry)?;
        response(key, &entry)
    }

    fn anew(&self, about: Key, former: &Entry, objection: &Objection, at: Instant) -> Result<Outcome, Error> {
        let (Outcome::Decided(figures), Some(case)) = (&former.outcome, &former.case) else {
            return Ok(refused("CLAIM_UNKNOWN"));
        };
        if let Some((_, ending)) = memory::ended(about)? {
            let is_cancelled = matches!(ending.outcome, Outcome::Cancelled(_));
            return Ok(refused(if is_cancelled { "CLAIM_CANCELLED" } else { "CLAIM_REPLACED" }));
        }
        if self.terms()?.appeal_days.is_some_and(|days| at >= calendar::end_of_day(plus_days(former.at, days))) {
            return Ok(refused("APPEAL_LATE"));
        }
        if objection.lines.iter().any(|number| !case.lines.iter().any(|line| line.number == *number)) {
            return Ok(refused("APPEAL_LINE_UNKNOWN"));
        }
        let mut policy = self.policy.clone();
        figures.give_back(&mut policy);
        let desk = Desk { profile: self.profile, terms: self.terms.clone(), policy: &policy };
        Ok(match desk.shares(case, former.at, Some(about))? {
            Ok(anew) if anew.benefit() > figures.benefit() => Outcome::Decided(anew),
            Ok(_) | Err(_) => refused("APPEAL_UPHELD"),
        })
    }
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused(vec![code.to_owned()])
}

fn pending(key: Key, entry: &Entry, wanted: &[(String, String)]) -> Result<Pending, Error> {
    Ok(Pending {
        reference: key.reference(entry.profile()?, 'P'),
        ask_after: plus_days(entry.at, ASK_AFTER_DAYS),
        documents_wanted: wanted.iter().map(|(system, code)| Coding::new(system, code)).collect(),
    })
}

/// Why a pending request is pending no more.
fn overtaken(key: Key) -> Result<Option<&'static str>, Error> {
    Ok(memory::ended(key)?.map(|(_, by)| match by.outcome {
        Outcome::Cancelled(_) => "WITHDRAWN",
        _ => "COMPLETED_BY_LATER_REQUEST",
    }))
}

/// A stored operation of `preauthorization`, as answered.
pub fn decision(key: Key, entry: &Entry) -> Result<Decision, Error> {
    let profile = entry.profile()?;
    Ok(match &entry.outcome {
        Outcome::Guaranteed { lines, short, is_whole, expires } => {
            let guarantee = Guarantee {
                reference: key.reference(profile, 'G'),
                lines: lines
                    .iter()
                    .map(|(number, amount)| GuaranteedLine {
                        number: *number,
                        amount: Fen::new(*amount).into(),
                        reasons: match short.contains(number) {
                            true => vec![refusal(profile, "BENEFIT_LIMIT")],
                            false => Vec::new(),
                        },
                    })
                    .collect(),
                expires: *expires,
            };
            if *is_whole { Decision::Approved(guarantee) } else { Decision::Partial(guarantee) }
        }
        Outcome::Pending(wanted) => match overtaken(key)? {
            Some(code) => Decision::Refused(vec![refusal(profile, code)]),
            None => Decision::Pending(pending(key, entry, wanted)?),
        },
        Outcome::Refused(codes) => Decision::Refused(refusals(profile, codes)),
        Outcome::Cancelled(_) => Decision::Cancelled,
        Outcome::Decided(_) => return Err(other_interface()),
    })
}

/// A stored operation of `claims`, as answered.
pub fn response(key: Key, entry: &Entry) -> Result<Response, Error> {
    let profile = entry.profile()?;
    Ok(match &entry.outcome {
        Outcome::Decided(figures) => Response::Adjudicated(ExplanationOfBenefit {
            reference: key.reference(profile, 'E'),
            adjudication: figures.adjudication(profile),
        }),
        Outcome::Pending(wanted) => match overtaken(key)? {
            Some(code) => Response::Refused(vec![refusal(profile, code)]),
            None => Response::Pending(pending(key, entry, wanted)?),
        },
        Outcome::Refused(codes) => Response::Refused(refusals(profile, codes)),
        Outcome::Cancelled(by) => Response::Cancelled(Cancellation { reference: by.reference(profile, 'C') }),
        Outcome::Guaranteed { .. } => return Err(other_interface()),
    })
}

fn other_interface() -> Error {
    Error::Conflict("the key was used for an operation of another kind".to_owned())
}
