use xinglin_domain::{
    access::Action,
    billing::request::Request,
    id::{BillId, InsuranceRequestId},
};
use xinglin_platform::{AppResult, Caller, Platform, boxed, document::Stored};
use xinglin_store::DocumentQuery;

use super::{RequestView, bill_of, view::view};

/// Most questions of a bill.
const MOST: u32 = 100;

/// What insurers were asked about a bill, newest first.
///
/// # Errors
/// `NOT_FOUND` if there is no such bill that the caller may see.
#[boxed]
pub async fn list(platform: &Platform, caller: &Caller, bill: BillId) -> AppResult<Vec<RequestView>> {
    caller.may(Action::AskInsurer)?;
    let records = platform.records(caller);
    bill_of(platform, caller, &records, bill).await?;
    let query = DocumentQuery { parent_id: Some(bill.to_string()), ..DocumentQuery::default() };
    let mut views = Vec::new();
    for row in records.list_documents::<InsuranceRequestId>(&query, None, MOST).await? {
        let request: Request = Stored::try_from(row)?.value;
        views.push(view(&request, Vec::new()));
    }
    Ok(views)
}
