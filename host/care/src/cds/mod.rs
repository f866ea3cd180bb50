//! CDS Hooks 2.0: every enabled checker of prescriptions is a decision support service,
//! for orders that are drafted elsewhere. The checkers are called as when a doctor signs in
//! this host; nothing is signed.

mod ask;
mod keep_feedback;
mod services;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use xinglin_domain::{
    code::Code,
    review::{Finding, Severity},
};
use xinglin_extensions::{Extensions, install};
use xinglin_platform::{AppError, AppResult};
use xinglin_runtime::{Interface, Plugin};
use xinglin_store::{Install, Tenant};

pub use self::ask::{Asked, AskedAbout, Cards, ask};
pub use self::keep_feedback::{CardFeedback, Feedback, Outcome, OverrideReason, ReasonCode, keep_feedback};
pub use self::services::{Service, Services, services};

/// Longest summary, in characters (CDS Hooks 2.0, "fewer than 140").
const LONGEST_SUMMARY: usize = 139;

/// The hooks.
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

/// A card: one finding for the prescriber.
#[derive(Debug, Serialize, ToSchema)]
pub struct Card {
    /// For feedback.
    #[schema(value_type = String)]
    pub uuid: Uuid,
    /// One-line summary.
    pub summary: String,
    /// The rest, in Markdown.
    pub detail: String,
    /// Severity: an order with a `critical` card must not be signed unchanged.
    #[schema(value_type = String)]
    pub indicator: Severity,
    /// The source.
    pub source: Source,
}

/// The source of a card.
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

async fn find(extensions: &Extensions, records: &Tenant, service: &str) -> AppResult<(Hook, Install, Arc<Plugin>)> {
    let unknown = || AppError::not_found("service", service);
    let named = |hook: Hook| Some((hook, service.strip_prefix(hook.as_str())?.strip_prefix('.')?));
    let (hook, plugin) = Hook::ALL.into_iter().find_map(named).ok_or_else(unknown)?;
    let (install, plugin) =
        install::one_playing(extensions, records, plugin, Interface::Review).await.map_err(|error| {
            match error.code {
                Code::NotFound => unknown(),
                _ => error,
            }
        })?;
    Ok((hook, install, plugin))
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

/// A plugin's text escaped for Markdown: no links, images or markup.
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
        assert_eq!(super::keep_feedback::word("not applicable; DROP"), "notapplicableDROP");
    }
}
