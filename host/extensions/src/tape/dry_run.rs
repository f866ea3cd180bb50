//! What a candidate of a payer's plugin would have paid on past claims, beside what was paid.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::TenantId,
    insurance::{InsurerError, claims::Response},
    money::Money,
    payer::{PayerError, Settled, paid::Paid},
};
use xinglin_platform::{AppError, AppResult, Caller, boxed};
use xinglin_runtime::{Output, Package, Plugin, Tape};
use xinglin_store::{Install, TapeQuery};

use super::alone;
use crate::{Extensions, call::host_services, install, lifecycle::settings};

/// Which candidate, and with which settings.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRun {
    /// A version that the host has; the active one if left out, for other settings.
    #[serde(default)]
    pub version: Option<String>,
    /// Settings that differ from the tenant's, for example the terms of a new contract.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: BTreeMap<String, Value>,
    /// Most claims, newest first; default 1000, at most 10,000.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// What it comes to.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct DryRunView {
    /// Number of past claims.
    pub claims: u64,
    /// Of those, how many would be paid otherwise.
    pub differing: u64,
    /// How many could not be compared: withheld as restricted, ended by load or time, or not readable.
    pub not_compared: u64,
    /// Sum of what was paid, in fen.
    #[schema(value_type = i64)]
    pub paid_fen: Money,
    /// Sum of what would be paid.
    #[schema(value_type = i64)]
    pub would_pay_fen: Money,
    /// Those that would be paid otherwise, newest first.
    pub examples: Vec<ClaimRun>,
}

/// One past claim.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimRun {
    /// `call-…`: the call that settled it.
    pub call: String,
    /// The bill.
    pub bill: String,
    /// When (RFC 3339).
    pub at: String,
    /// What became of it: `paid`, `refused`, `pending`, `error`.
    pub outcome: String,
    /// What would.
    pub would_be: String,
    /// What was paid, in fen.
    #[schema(value_type = i64)]
    pub paid_fen: Money,
    /// What would be.
    #[schema(value_type = i64)]
    pub would_pay_fen: Money,
    /// Line by line.
    pub lines: Vec<LineRun>,
    /// Codes of the reasons then.
    pub reasons: Vec<String>,
    /// Codes of the candidate's reasons.
    pub would_be_reasons: Vec<String>,
}

/// One line of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineRun {
    /// Its number.
    pub number: u32,
    /// What is charged, in fen.
    #[schema(value_type = i64)]
    pub gross_fen: Money,
    /// What was paid of it.
    #[schema(value_type = i64)]
    pub paid_fen: Money,
    /// What would be.
    #[schema(value_type = i64)]
    pub would_pay_fen: Money,
}

/// Tapes read in one batch.
const STRETCH: u32 = 128;
/// Most claims of one run.
const MOST: u32 = 10_000;
/// Most claims that are shown line by line.
const MOST_EXAMPLES: usize = 200;

/// Runs a version of a payer's plugin, or other settings, on the tenant's past claims. Nothing is changed: the
/// host's answers come from the tapes, stored values are read only, and no server is asked.
///
/// # Errors
/// If the caller may not, or there is no such version or setting.
#[boxed]
pub async fn dry_run(
    extensions: &Extensions,
    caller: &Caller,
    tenant: TenantId,
    plugin: &str,
    ask: DryRun,
) -> AppResult<DryRunView> {
    caller.may_in(tenant, Action::ManagePlugins)?;
    let install = extensions.platform.store().tenant(tenant).get_install(plugin).await?;
    let package = match ask.version.as_deref() {
        Some(version) => install::newest_package(&extensions.platform, plugin, Some(version)).await?,
        None => install::package(&extensions.platform, &install.digest).await?,
    };
    dry_run_of(extensions, &install, &package, ask).await
}

/// The same with any package of the plugin, for the command line.
///
/// # Errors
/// If it is of another plugin, or its settings are invalid.
#[boxed]
pub async fn dry_run_of(
    extensions: &Extensions,
    install: &Install,
    package: &Package,
    ask: DryRun,
) -> AppResult<DryRunView> {
    let manifest = package.manifest();
    if manifest.id != install.plugin_id {
        let detail = format!("the package is of `{}`, not of `{}`", manifest.id, install.plugin_id);
        return Err(AppError::new(Code::BodyInvalid, detail));
    }
    let candidate = alone(extensions, package).await?;
    let mut resolved = install::resolved_settings(install, manifest)?;
    for other in settings(manifest, ask.settings)? {
        resolved.retain(|known| known.key != other.key);
        resolved.push(other);
    }
    let records = extensions.platform.store().tenant(install.tenant);
    let query = TapeQuery { plugin_id: Some(install.plugin_id.clone()), digest: None, reference: None };
    let (mut view, mut before, mut left) = (DryRunView::default(), None, ask.limit.unwrap_or(1_000).min(MOST));
    while left > 0 {
        let entries = records.list_tape(&query, before, STRETCH).await?;
        let Some(last) = entries.last() else { break };
        before = Some(last.seq);
        for entry in entries.iter().filter(|entry| pays(&entry.hook)) {
            if left == 0 {
                break;
            }
            left -= 1;
            let tape: Tape = serde_json::from_slice(&entry.record).map_err(AppError::internal)?;
            let run = match tape.restricted {
                true => None,
                false => compare(extensions, install, &candidate, &tape, resolved.clone()).await?,
            };
            view.count(run)?;
        }
    }
    Ok(view)
}

/// Whether a hook pays a claim.
fn pays(hook: &str) -> bool {
    is_claim(hook) || (hook.contains("payment/payer") && hook.ends_with("settle"))
}

fn is_claim(hook: &str) -> bool {
    hook.contains("payment/claims") && hook.ends_with("submit")
}

impl DryRunView {
    fn count(&mut self, run: Option<ClaimRun>) -> AppResult<()> {
        self.claims += 1;
        let Some(run) = run else {
            self.not_compared += 1;
            return Ok(());
        };
        self.paid_fen = self.paid_fen.plus(run.paid_fen).map_err(AppError::internal)?;
        self.would_pay_fen = self.would_pay_fen.plus(run.would_pay_fen).map_err(AppError::internal)?;
        let same = run.outcome == run.would_be && run.lines.iter().all(|line| line.paid_fen == line.would_pay_fen);
        if !same || run.paid_fen != run.would_pay_fen {
            self.differing += 1;
            if self.examples.len() < MOST_EXAMPLES {
                self.examples.push(run);
            }
        }
        Ok(())
    }
}

async fn compare(
    extensions: &Extensions,
    install: &Install,
    candidate: &Plugin,
    tape: &Tape,
    settings: Vec<xinglin_domain::coding::Attribute>,
) -> AppResult<Option<ClaimRun>> {
    let services = host_services(&extensions.platform, install);
    // The settings of that time are on the tape; asked are these.
    let mut tape = tape.clone();
    tape.answers.retain(|answer| !answer.import.starts_with("settings."));
    let Ok(report) = extensions.runtime().compare(candidate, &tape, settings, services).await else { return Ok(None) };
    let input: Value = serde_json::from_str(&tape.input).map_err(AppError::internal)?;
    let claim = is_claim(&tape.hook);
    let (Some(was), Some(would)) = (paid(claim, &report.recorded)?, paid(claim, &report.replayed)?) else {
        return Ok(None);
    };
    let of = &input[if claim { "claim" } else { "bill" }];
    let mut lines = Vec::new();
    for line in of["lines"].as_array().into_iter().flatten() {
        let number = line["number"].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        let gross_fen: Money = serde_json::from_value(line["gross"].clone()).map_err(AppError::internal)?;
        let of_line = |paid: &Paid| paid.lines.get(&number).copied().unwrap_or_default();
        lines.push(LineRun { number, gross_fen, paid_fen: of_line(&was), would_pay_fen: of_line(&would) });
    }
    Ok(Some(ClaimRun {
        call: tape.call.to_string(),
        bill: of[if claim { "bill" } else { "id" }].as_str().unwrap_or_default().to_owned(),
        at: tape.started.to_string(),
        outcome: was.outcome.to_owned(),
        would_be: would.outcome.to_owned(),
        paid_fen: was.total,
        would_pay_fen: would.total,
        lines,
        reasons: was.reasons,
        would_be_reasons: would.reasons,
    }))
}

/// What an output comes to; `None` if the call failed.
fn paid(claim: bool, output: &Output) -> AppResult<Option<Paid>> {
    let Output::Answered(json) = output else { return Ok(None) };
    let paid = match claim {
        true => {
            let answer: Result<Response, InsurerError> = serde_json::from_str(json).map_err(AppError::internal)?;
            Paid::of_claim(&answer)
        }
        false => {
            let answer: Result<Settled, PayerError> = serde_json::from_str(json).map_err(AppError::internal)?;
            Paid::of_bill(&answer)
        }
    };
    paid.map(Some).map_err(AppError::internal)
}
