//! Recalls of packages: one file a verb.

mod get;
mod list;
mod order;

use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::access::Action;

use crate::{
    app::{Hospital, recall::RecallView},
    http::access::by,
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::InstallPlugins, routes!(order::order, get::get)))
        .routes(by(&Action::ManagePlugins, routes!(list::list)))
}

/// How a report is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// `json`, or `csv` for a table of what was touched.
    #[serde(default)]
    format: Format,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

impl Written {
    fn write(&self, report: RecallView) -> Response {
        match self.format {
            Format::Json => axum::Json(report).into_response(),
            Format::Csv => ([(CONTENT_TYPE, "text/csv; charset=utf-8")], report.to_csv()).into_response(),
        }
    }
}
