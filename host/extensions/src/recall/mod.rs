//! Recall of a package: stops it permanently on all hosts of the store, and reports what its
//! calls affected.

mod apply;
mod get;
mod get_of_tenant;
mod order;

use serde::Serialize;
use utoipa::ToSchema;
use xinglin_domain::id::{AccountId, BillId, CertificateId, EnrolmentId, PatientId, PrescriptionId, TenantId};
use xinglin_platform::{AppResult, Platform};
use xinglin_store::Touched;

pub use self::apply::apply;
pub use self::get::get;
pub use self::get_of_tenant::get_of_tenant;
pub use self::order::order;

/// Report of a recall.
#[derive(Serialize, ToSchema)]
pub struct RecallView {
    /// Id of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the package.
    pub digest: String,
    /// When it was recalled (RFC 3339); absent if it was not recalled.
    pub recalled: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who ordered it.
    pub by: Option<String>,
    /// Tenants that use it, used it, or have it as candidate.
    pub installs: Vec<ConcernedView>,
    /// Subjects of its calls.
    pub touched: Vec<TouchedView>,
}

/// A tenant that a recall concerns.
#[derive(Serialize, ToSchema)]
pub struct ConcernedView {
    /// `ten-…`
    pub tenant: String,
    /// `called`, `previous` or `candidate`.
    pub as_what: &'static str,
}

/// A subject of calls of a package.
#[derive(Serialize, ToSchema)]
pub struct TouchedView {
    /// `ten-…`
    pub tenant: String,
    /// `patient`, `prescription`, `bill`, `pathway`, `account`, `certificate` or `other`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// How many calls were about it.
    pub calls: i64,
    /// When the first was (RFC 3339).
    pub first: String,
    /// When the last was.
    pub last: String,
}

impl TouchedView {
    fn of(tenant: TenantId, touched: Touched) -> Self {
        let kind = match touched.reference.split_once('-').map_or("", |(prefix, _)| prefix) {
            PatientId::PREFIX => "patient",
            PrescriptionId::PREFIX => "prescription",
            BillId::PREFIX => "bill",
            EnrolmentId::PREFIX => "pathway",
            AccountId::PREFIX => "account",
            CertificateId::PREFIX => "certificate",
            _ => "other",
        };
        Self {
            tenant: tenant.to_string(),
            kind,
            id: touched.reference,
            calls: touched.calls,
            first: touched.first.to_string(),
            last: touched.last.to_string(),
        }
    }
}

impl RecallView {
    /// The subjects as CSV (RFC 4180), with a header row.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("tenant,kind,id,calls,first,last\r\n");
        for row in &self.touched {
            // Ids and times of ours hold no comma, quote or line end.
            let TouchedView { tenant, kind, id, calls, first, last } = row;
            csv.push_str(&format!("{tenant},{kind},{id},{calls},{first},{last}\r\n"));
        }
        csv
    }
}

async fn report(platform: &Platform, digest: &str) -> AppResult<RecallView> {
    let tenants = platform.store().operator().list_tenants().await?;
    let tenants: Vec<TenantId> = tenants.into_iter().map(|tenant| tenant.id).collect();
    report_for(platform, digest, &tenants).await
}

async fn report_for(platform: &Platform, digest: &str, tenants: &[TenantId]) -> AppResult<RecallView> {
    let package = platform.store().operator().get_package(digest).await?;
    let mut installs = Vec::new();
    for install in platform.store().operator().list_installs_of(digest).await? {
        let places = [
            (install.digest == digest, "called"),
            (install.previous_digest.as_deref() == Some(digest), "previous"),
            (install.candidate_digest.as_deref() == Some(digest), "candidate"),
        ];
        let places = places.into_iter().filter(|(here, _)| *here && tenants.contains(&install.tenant));
        installs.extend(places.map(|(_, as_what)| ConcernedView { tenant: install.tenant.to_string(), as_what }));
    }
    let mut touched = Vec::new();
    for tenant in tenants {
        let rows = platform.store().tenant(*tenant).list_touched(digest).await?;
        touched.extend(rows.into_iter().map(|row| TouchedView::of(*tenant, row)));
    }
    let (recalled, reason, by) = match package.revoked {
        Some(revoked) => (Some(revoked.at.to_string()), Some(revoked.reason), Some(revoked.by)),
        None => (None, None, None),
    };
    Ok(RecallView {
        plugin: package.plugin_id,
        version: package.plugin_version,
        digest: package.digest,
        recalled,
        reason,
        by,
        installs,
        touched,
    })
}
