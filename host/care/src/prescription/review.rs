//! Calls of the checkers of prescriptions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use xinglin_domain::{
    compartment::Compartments,
    consent::Purpose,
    prescription::{Rx, Signing},
    review::{
        Acknowledgement, Answer, Checker, Found, NotReviewed, RESTRICTED_INTERACTION, ReviewOutcome, Reviewed, fold,
    },
};
use xinglin_extensions::{
    Extensions,
    call::{CallView, Calls, failed},
    install,
};
use xinglin_platform::{AppError, AppResult, Caller};
use xinglin_runtime::{Interface, Plugin};
use xinglin_store::{Executor, Install, TenantScope};

use super::required_checkers::required;
use crate::checker::{self, Subject};

/// The answers of all checkers to one prescription.
pub(super) struct Review<'a> {
    /// As everybody may read it: what rests on a restricted part of the record is masked.
    outcome: ReviewOutcome,
    /// Findings as the caller may read them.
    pub(super) findings: Vec<Found>,
    /// Findings that are masked in `outcome`, by plugin and code.
    masked: BTreeSet<(String, String)>,
    /// Whether the caller may read them.
    open: bool,
    pub(super) calls: Calls<'a>,
}

impl Review<'_> {
    /// The proof that the prescription may be signed.
    ///
    /// # Errors
    /// `RX_VETOED`, `RX_NOT_CHECKED`, `RX_WARNING_UNACKNOWLEDGED` or `RX_REASON_REQUIRED`, with
    /// findings and calls.
    pub(super) fn acknowledge(&self, acknowledged: &BTreeSet<Acknowledgement>) -> AppResult<Reviewed> {
        self.judge(self.outcome.acknowledge(&self.as_kept(acknowledged)))
    }

    /// The same at a later act, given what was acknowledged of which answers when it was signed: a
    /// warning counts as read only if it was found then in the same words.
    ///
    /// # Errors
    /// As [`acknowledge`](Self::acknowledge).
    pub(super) fn acknowledged_before(&self, signing: &Signing) -> AppResult<Reviewed> {
        let read: Vec<Found> = signing.outcome.findings().collect();
        let anew: Vec<Found> = self.outcome.findings().filter(|found| !read.contains(found)).collect();
        let still = |one: &&Acknowledgement| {
            !anew.iter().any(|found| found.plugin == one.plugin && found.finding.code == one.code)
        };
        self.judge(self.outcome.acknowledge(&signing.acknowledged.iter().filter(still).cloned().collect()))
    }

    /// Who may read restricted findings acknowledges them by their own codes; kept is that all of a
    /// plugin were read.
    fn as_kept(&self, acknowledged: &BTreeSet<Acknowledgement>) -> BTreeSet<Acknowledgement> {
        let mut kept = acknowledged.clone();
        if !self.open {
            return kept;
        }
        let plugins: BTreeSet<&String> = self.masked.iter().map(|(plugin, _)| plugin).collect();
        for plugin in plugins {
            let codes = self.masked.iter().filter(|(of, _)| of == plugin);
            let reasons: Option<Vec<&str>> = codes
                .map(|(_, code)| {
                    let read = acknowledged.iter().find(|one| one.plugin == *plugin && one.code == *code)?;
                    Some(read.reason.trim()).filter(|reason| !reason.is_empty())
                })
                .collect();
            if let Some(reasons) = reasons {
                let (plugin, code) = (plugin.clone(), RESTRICTED_INTERACTION.to_owned());
                kept.insert(Acknowledgement { plugin, code, reason: reasons.join("; ") });
            }
        }
        kept
    }

    fn judge(&self, judged: Result<Reviewed, NotReviewed>) -> AppResult<Reviewed> {
        judged.map_err(|refused| {
            let unchecked: Vec<_> = self.outcome.unchecked().collect();
            AppError::new(refused.code(), refused.to_string())
                .with("findings", &self.findings)
                .with("unchecked", unchecked)
                .with("calls", self.calls.views())
        })
    }

    /// The calls that were made.
    pub(super) fn views(&self) -> Vec<CallView> {
        self.calls.views()
    }
}

/// Calls every enabled checker with a prescription, in parallel, each in a fresh instance with its
/// own snapshot of the record. A checker that the hospital requires and that is not enabled has no
/// answer.
///
/// Checkers see all medicines and allergies. One whose snapshot has restricted ones is called
/// twice, with them and without: what it finds only with them is masked for readers who may not
/// see them.
pub(super) async fn review<'a, E: Executor, S>(
    extensions: &'a Extensions,
    caller: &Caller,
    records: &TenantScope<E>,
    rx: &Rx<S>,
) -> AppResult<Review<'a>> {
    let subject = Subject::of(records, rx.patient(), Some(rx.id())).await?;
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now)
        .of(rx.patient(), Purpose::Safety)
        .restricted(subject.is_restricted())
        .about(rx.id());
    let order = rx.order();
    let enabled = install::playing(extensions, records, Interface::Review).await?;
    let mut asked: Vec<(&Install, _, bool)> = Vec::with_capacity(enabled.len());
    for (install, plugin) in &enabled {
        let needs = plugin.data_needs().to_vec();
        let asker = (install.plugin_id.as_str(), needs.as_slice());
        let (whole, open) = checker::snapshots(&extensions.platform, caller, records, asker, subject).await?;
        for (snapshot, open) in [(Some(whole), false), (open, true)] {
            let Some(snapshot) = snapshot else { continue };
            let without = if open { Compartments::ALL } else { Compartments::NONE };
            let context = calls.context_without(install, plugin, subject.left_out(without))?;
            let (runtime, plugin, order, now) =
                (extensions.runtime().clone(), Arc::<Plugin>::clone(plugin), order.clone(), caller.now);
            let call = async move { runtime.review(&plugin, context, &order, &snapshot, now).await };
            asked.push((install, extensions.platform.tasks().spawn(call), open));
        }
    }
    let mut reviewed = Vec::with_capacity(asked.len());
    let mut whose = Vec::with_capacity(asked.len());
    for (install, call, open) in asked {
        reviewed.push((install, call.await.map_err(AppError::internal)?));
        whose.push((install.plugin_id.clone(), open));
    }
    let mut answers = BTreeMap::new();
    let mut without = BTreeMap::new();
    for ((plugin, open), verdict) in whose.into_iter().zip(calls.note(reviewed).await?) {
        let answer = Answer::from_call(verdict.map_err(|failure| failed(&failure)));
        if open {
            without.insert(plugin, answer)
        } else {
            answers.insert(plugin, answer)
        };
    }
    let mut required = required(records).await?;
    required.extend(enabled.iter().map(|(install, _)| install.plugin_id.clone()));
    let checkers: Vec<Checker> = required.into_iter().map(|plugin| Checker { plugin, required: true }).collect();
    let raw = fold(rx.fingerprint().map_err(AppError::internal)?, &checkers, answers);
    let outcome = raw.masked(&without);
    let shown: Vec<Found> = outcome.findings().collect();
    let masked = raw.findings().filter(|one| !shown.contains(one));
    let masked = masked.map(|one| (one.plugin, one.finding.code)).collect();
    let open = subject.is_open_to(&extensions.platform, caller).await?;
    let findings = if open { raw.findings().collect() } else { shown };
    Ok(Review { outcome, findings, masked, open, calls })
}
