//! Reminders over channels outside of the app.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use xinglin_domain::{
    access::Action,
    id::{PatientId, TenantId},
};
use xinglin_platform::Caller;
use xinglin_records::reminder::{
    self, ChosenReminders, EnteredAddress, NewReminderChannel, ReminderAddressView, ReminderChannelView, ReminderCode,
    ReminderRules, ReminderView,
};

use crate::{
    Hospital,
    http::{
        access::{Access, allowed, by},
        extract::{At, Body, Raw},
        problem::{Problem, Reply},
    },
};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<Hospital> {
    OpenApiRouter::new()
        .routes(by(&Action::ReadReminders, routes!(list)))
        .routes(by(&Action::ChooseReminders, routes!(list_addresses)))
        .routes(by(&Action::ChooseReminders, routes!(enter, remove)))
        .routes(by(&Action::ChooseReminders, routes!(confirm)))
        .routes(by(&Action::ChooseReminders, routes!(choose)))
        .routes(by(&Action::ManageReminders, routes!(list_channels)))
        .routes(by(&Action::ManageReminders, routes!(put_channel)))
        .routes(by(&Action::ManageReminders, routes!(get_rules, put_rules)))
        .routes(allowed(Access::Public, routes!(hear)))
}

/// A patient's reminders, newest first: what became of each, and why. Not what they were about.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/reminders", tag = "Reminder",
    params(
        ("patient" = String, Path, description = "`pat-…`"),
    ),
    responses((status = 200, body = Vec<ReminderView>), (status = "4XX", body = Problem)),
)]
pub async fn list(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<ReminderView>>> {
    Ok(Json(reminder::list(&hospital.platform, &caller, patient).await?))
}

/// Where a patient is reminded. Addresses are not shown whole.
#[utoipa::path(
    get, path = "/api/v1/patients/{patient}/reminder-addresses", tag = "Reminder",
    params(
        ("patient" = String, Path, description = "`pat-…`"),
    ),
    responses((status = 200, body = Vec<ReminderAddressView>), (status = "4XX", body = Problem)),
)]
pub async fn list_addresses(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(patient): At<PatientId>,
) -> Reply<Json<Vec<ReminderAddressView>>> {
    Ok(Json(reminder::list_addresses(&hospital.platform, &caller, patient).await?))
}

/// The patient enters an address: a code is sent to it, by which they confirm that it is theirs.
#[utoipa::path(
    put, path = "/api/v1/patients/{patient}/reminder-addresses/{channel}", tag = "Reminder",
    params(
        ("patient" = String, Path, description = "`pat-…`"),
        ("channel" = String, Path, description = "`sms` or `wechat`"),
    ),
    request_body = EnteredAddress,
    responses((status = 200, body = ReminderAddressView), (status = 503, body = Problem), (status = "4XX", body = Problem)),
)]
pub async fn enter(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((patient, channel)): At<(PatientId, String)>,
    Body(ask): Body<EnteredAddress>,
) -> Reply<Json<ReminderAddressView>> {
    Ok(Json(reminder::enter(&hospital.platform, &caller, patient, &channel, ask).await?))
}

/// The patient enters the code that was sent to an address: reminders come there from now on.
#[utoipa::path(
    post, path = "/api/v1/patients/{patient}/reminder-addresses/{channel}/confirm", tag = "Reminder",
    params(
        ("patient" = String, Path, description = "`pat-…`"),
        ("channel" = String, Path, description = "`sms` or `wechat`"),
    ),
    request_body = ReminderCode,
    responses((status = 200, body = ReminderAddressView), (status = "4XX", body = Problem)),
)]
pub async fn confirm(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((patient, channel)): At<(PatientId, String)>,
    Body(ask): Body<ReminderCode>,
) -> Reply<Json<ReminderAddressView>> {
    Ok(Json(reminder::confirm(&hospital.platform, &caller, patient, &channel, ask).await?))
}

/// The patient says whether reminders come to their address, and in which language.
#[utoipa::path(
    put, path = "/api/v1/patients/{patient}/reminder-addresses/{channel}/preferences", tag = "Reminder",
    params(
        ("patient" = String, Path, description = "`pat-…`"),
        ("channel" = String, Path, description = "`sms` or `wechat`"),
    ),
    request_body = ChosenReminders,
    responses((status = 200, body = ReminderAddressView), (status = "4XX", body = Problem)),
)]
pub async fn choose(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((patient, channel)): At<(PatientId, String)>,
    Body(ask): Body<ChosenReminders>,
) -> Reply<Json<ReminderAddressView>> {
    Ok(Json(reminder::choose(&hospital.platform, &caller, patient, &channel, ask).await?))
}

/// The patient removes an address: what waits is not sent there.
#[utoipa::path(
    delete, path = "/api/v1/patients/{patient}/reminder-addresses/{channel}", tag = "Reminder",
    params(
        ("patient" = String, Path, description = "`pat-…`"),
        ("channel" = String, Path, description = "`sms` or `wechat`"),
    ),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub async fn remove(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((patient, channel)): At<(PatientId, String)>,
) -> Reply<StatusCode> {
    reminder::remove(&hospital.platform, &caller, patient, &channel).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The channels by which a hospital reminds patients.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/reminder-channels", tag = "Tenant",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
    ),
    responses((status = 200, body = Vec<ReminderChannelView>), (status = "4XX", body = Problem)),
)]
pub async fn list_channels(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<Vec<ReminderChannelView>>> {
    Ok(Json(reminder::list_channels(&hospital.platform, &caller, tenant).await?))
}

/// Sets up a channel by which a hospital reminds patients: its gateway, its key, and whether it is used.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/reminder-channels/{channel}", tag = "Tenant",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("channel" = String, Path, description = "`sms` or `wechat`"),
    ),
    request_body = NewReminderChannel,
    responses((status = 200, body = ReminderChannelView), (status = "4XX", body = Problem)),
)]
pub async fn put_channel(
    State(hospital): State<Hospital>,
    caller: Caller,
    At((tenant, channel)): At<(TenantId, String)>,
    Body(ask): Body<NewReminderChannel>,
) -> Reply<Json<ReminderChannelView>> {
    Ok(Json(reminder::put_channel(&hospital.platform, &caller, tenant, &channel, ask).await?))
}

/// When and how often a hospital reminds its patients.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/reminder-rules", tag = "Tenant",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
    ),
    responses((status = 200, body = ReminderRules), (status = "4XX", body = Problem)),
)]
pub async fn get_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
) -> Reply<Json<ReminderRules>> {
    Ok(Json(reminder::get_rules(&hospital.platform, &caller, tenant).await?))
}

/// Sets when and how often a hospital reminds its patients.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/reminder-rules", tag = "Tenant",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
    ),
    request_body = ReminderRules,
    responses((status = 200, body = ReminderRules), (status = "4XX", body = Problem)),
)]
pub async fn put_rules(
    State(hospital): State<Hospital>,
    caller: Caller,
    At(tenant): At<TenantId>,
    Body(ask): Body<ReminderRules>,
) -> Reply<Json<ReminderRules>> {
    Ok(Json(reminder::put_rules(&hospital.platform, &caller, tenant, ask).await?))
}

/// A receipt of a gateway, authenticated by its signature: see the documentation of reminders.
#[utoipa::path(
    post, path = "/api/v1/reminders/{tenant}/{channel}/receipts", tag = "Reminder",
    params(
        ("tenant" = String, Path, description = "`ten-…`"),
        ("channel" = String, Path, description = "`sms` or `wechat`"),
    ),
    request_body(content = String, content_type = "application/json", description = "as the gateway signs it"),
    responses((status = 204, description = "heard"), (status = "4XX", body = Problem)),
    security(()),
)]
pub async fn hear(
    State(hospital): State<Hospital>,
    At((tenant, channel)): At<(TenantId, String)>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Reply<StatusCode> {
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let headers: Vec<(String, String)> = headers.iter().filter_map(text).collect();
    reminder::hear(&hospital.platform, tenant, &channel, &headers, &body).await?;
    Ok(StatusCode::NO_CONTENT)
}
