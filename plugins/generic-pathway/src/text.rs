//! Texts, sources and codes of the file as the contract has them.

use xinglin_pathway_file::model::{self, Pathway, Text};
use xinglin_sdk::{
    pathway::{Role, Severity},
    types::{Citation, Coding, Decimal, LocalizedText, zh_en},
};

pub fn text(text: &Text) -> LocalizedText {
    zh_en(text.zh.clone().unwrap_or_default(), text.en.clone().unwrap_or_default())
}

/// The source; without one, the file itself.
pub fn citation(pathway: &Pathway, citation: Option<&model::Citation>) -> Citation {
    let source = citation.and_then(|citation| pathway.sources.get(&citation.source));
    let Some(source) = source else { return Citation::new(format!("{} {}", pathway.id, pathway.version), 2026) };
    let mut cited = Citation::new(source.title.clone(), source.year);
    cited.section = citation.and_then(|citation| citation.section.clone());
    cited.url.clone_from(&source.url);
    cited
}

pub fn coding(code: &model::Code) -> Coding {
    Coding::new(model::system(&code.system), code.code.as_str())
}

/// The code system of the choices of a question.
pub fn choices(pathway: &Pathway, questionnaire: &str, question: &str) -> String {
    format!("urn:xinglin:pathway:{}:{questionnaire}:{question}", pathway.id)
}

pub fn number(decimal: Decimal) -> xinglin_pathway_file::number::Number {
    xinglin_pathway_file::number::Number::new(decimal.unscaled, decimal.scale)
}

pub const fn role(role: model::Role) -> Role {
    match role {
        model::Role::Patient => Role::Patient,
        model::Role::Guardian => Role::Guardian,
        model::Role::Doctor => Role::Doctor,
        model::Role::Pharmacist => Role::Pharmacist,
        model::Role::Nurse => Role::Nurse,
        model::Role::HealthManager => Role::HealthManager,
        model::Role::Assistant => Role::Assistant,
        model::Role::Dietitian => Role::Dietitian,
        model::Role::Counsellor => Role::Counsellor,
        model::Role::Psychotherapist => Role::Psychotherapist,
        model::Role::PublicHealthDoctor => Role::PublicHealthDoctor,
    }
}

pub const fn severity(severity: model::Severity) -> Severity {
    match severity {
        model::Severity::Info => Severity::Info,
        model::Severity::Warning => Severity::Warning,
        model::Severity::Critical => Severity::Critical,
    }
}
