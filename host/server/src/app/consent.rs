//! Whether a plugin may see a part of a patient's record.

use std::{future::Future, pin::Pin};

use xinglin_domain::{
    clinical::Section,
    coding::Coding,
    id::{PatientId, TenantId},
};

use super::AppResult;

/// What a plugin is about to be shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub tenant: TenantId,
    pub patient: PatientId,
    /// Id of the plugin; `xinglin.host` for rules of the hospital itself.
    pub plugin: &'a str,
    pub section: Section,
    /// Of observations, which.
    pub code: Option<&'a Coding>,
    pub purpose: Purpose,
}

/// What it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A pathway or a check of a prescription.
    Treatment,
    /// Who pays for it.
    Payment,
    /// What the law has the hospital itself look at before it prescribes.
    Safety,
}

/// An answer that is under way.
pub(crate) type ConsentFuture<'a> = Pin<Box<dyn Future<Output = AppResult<bool>> + Send + 'a>>;

/// The rules of consent. Asked for every section of every snapshot and for every
/// read of `records`, in one place: `record.rs::section`.
pub(crate) trait Consent: Send + Sync {
    /// Whether it may be shown. An error shows nothing.
    fn allows<'a>(&'a self, asked: &'a Asked<'a>) -> ConsentFuture<'a>;
}

/// Consent to treatment covers what the treatment's plugins declare. There are no
/// other rules yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Presumed;

impl Consent for Presumed {
    fn allows<'a>(&'a self, asked: &'a Asked<'a>) -> ConsentFuture<'a> {
        let Asked { tenant, patient, plugin, section, code, purpose } = *asked;
        let code = code.map(|code| code.code.as_str());
        tracing::trace!(%tenant, %patient, plugin, ?section, code, ?purpose, "shown, for consent is presumed");
        Box::pin(async { Ok(true) })
    }
}
