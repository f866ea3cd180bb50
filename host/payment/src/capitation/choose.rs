use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Action,
    capitation::{Acceptance, Choice, Enrolled, Enrolment, Membership, year::Contract},
    clinical::DataNeed,
    code::Code,
    consent::Purpose,
    id::{MemberId, PatientId},
    insurance::Refusal,
    time::Instant,
};
use xinglin_extensions::{Extensions, call::Calls, install};
use xinglin_platform::{AppError, AppResult, Caller, ambient, boxed, caller::is_staff};
use xinglin_records::{
    patient,
    snapshot::{self, LeftOut},
};
use xinglin_runtime::Interface;
use xinglin_store::{CapitationMember, StoreError};

use super::{Chosen, Lead, MemberView, Reason, contract_of, invalid, leave::end, lock, month_of, undecided, view};

/// A patient's choice of a lead institution and its partners (1+N).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choose {
    /// The patient.
    #[schema(value_type = String)]
    pub patient: PatientId,
    /// The plugin of the scheme.
    pub plugin: String,
    /// Id of the lead.
    pub lead: String,
    /// Ids of partners of its contract.
    pub partners: Vec<String>,
    /// Whether the patient leaves the present lead for this one, at the beginning of a month.
    #[serde(default)]
    pub change: bool,
    /// The day on which the patient signed on paper; staff only. Today if left out.
    #[serde(default)]
    pub chosen_on: Option<String>,
}

/// Enrols a patient with a lead, or changes the lead. It counts from the beginning of a later month.
///
/// # Errors
/// `CAP_DUPLICATE` if the patient has a lead and does not leave it; `CAP_BACKDATED` if the month after
/// the choice has begun; `CAP_REFUSED` with the reasons of the scheme; `PATIENT_…` if nothing more may be
/// done for the patient; `NOT_FOUND` if there is no such contract.
#[tracing::instrument(target = "xinglin::trace", name = "choose_lead", skip_all)]
#[boxed]
pub async fn choose(extensions: &Extensions, caller: &Caller, ask: Choose) -> AppResult<MemberView> {
    caller.may(Action::ChooseLead)?;
    caller.may_act_on(ask.patient, "patient", ask.patient)?;
    let records = extensions.platform.records(caller);
    patient::treatable(&records, ask.patient).await?;
    let lead = Lead { plugin: ask.plugin.clone(), lead: ask.lead.clone() };
    let (_, contract) = contract_of(&records, &lead).await?;
    check_partners(&ask, &contract)?;
    let chosen_at = chosen_at(caller, &ask)?;
    let memberships = records.list_memberships(&ask.patient.to_string()).await?;
    let open = check_choice(&ask, month_of(chosen_at).next().first().start(), &memberships)?;

    let id = MemberId::from_u128(ambient::fresh_id());
    let snapshot = snapshot::snapshot(
        &extensions.platform,
        &records,
        (&ask.plugin, Purpose::Payment),
        &[DataNeed::Conditions],
        ask.patient,
        LeftOut::NOTHING,
        caller.now,
    )
    .await?;
    let enrolment = Enrolment {
        member: snapshot.subject.pseudonym.clone(),
        choice: if ask.change { Choice::Change } else { Choice::Join },
        lead: ask.lead.clone(),
        partners: ask.partners.clone(),
        chosen_at,
        diagnoses: snapshot.conditions.iter().flat_map(|condition| condition.code.clone()).collect(),
        age_years: snapshot.subject.age_months.map(|months| months / 12).and_then(|years| u16::try_from(years).ok()),
        current: open.map(|member| Membership { lead: member.lead.clone(), since: member.since }),
    };
    let (install, plugin) = install::one_playing(extensions, &records, &ask.plugin, Interface::Capitation).await?;
    let mut calls = Calls::new(extensions, records.id(), &caller.request_id, caller.now)
        .of(ask.patient, Purpose::Payment)
        .about(id);
    let context = calls.context(&install, &plugin)?;
    let call = extensions.runtime().enrol_member(&plugin, context, &enrolment, caller.now).await;
    let accepted = match calls.took(&install, call).await? {
        Ok(Enrolled::Accepted(accepted)) => accepted,
        Ok(Enrolled::Refused(reasons)) => return Err(refusal(&reasons).with("calls", calls.views())),
        Err(error) => return Err(undecided(&error).with("calls", calls.views())),
    };
    let Acceptance { accrues_from, risk_class, citation } = accepted;
    let chosen = Chosen { partners: ask.partners.clone(), risk_class: risk_class.clone(), citation, left: None };
    let member = CapitationMember {
        id,
        plugin: ask.plugin.clone(),
        patient_id: ask.patient.to_string(),
        lead: ask.lead.clone(),
        risk_class: serde_json::to_string(&risk_class.canonical()).map_err(AppError::internal)?,
        since: accrues_from,
        until: None,
        body: serde_json::to_value(&chosen).map_err(AppError::internal)?,
        version: 1,
        created_at: chosen_at,
        updated_at: caller.now,
    };

    let tx = records.begin().await?;
    patient::lock(&tx, ask.patient).await?;
    patient::treatable(&tx, ask.patient).await?;
    let memberships = tx.list_memberships(&member.patient_id).await?;
    if let Some(current) = check_choice(&ask, accrues_from, &memberships)? {
        let of = Lead { plugin: current.plugin.clone(), lead: current.lead.clone() };
        lock(&tx, &of).await?;
        end(&tx, current.clone(), accrues_from, Reason::Changed, caller.now).await?;
    }
    tx.insert_member(&member).await.map_err(|error| match error {
        StoreError::Unique { .. } => AppError::new(Code::CapDuplicate, "another choice was first"),
        other => other.into(),
    })?;
    let calls = calls.write(&tx).await?;
    tx.commit().await?;
    view(member, calls)
}

fn check_partners(ask: &Choose, contract: &Contract) -> AppResult<()> {
    let mut seen: Vec<&String> = Vec::new();
    for partner in &ask.partners {
        let known = contract.partners.iter().any(|it| it.id == *partner);
        if !known || seen.contains(&partner) {
            return Err(invalid("partners", format!("`{partner}` is no partner of this lead, or is there twice")));
        }
        seen.push(partner);
    }
    Ok(())
}

fn chosen_at(caller: &Caller, ask: &Choose) -> AppResult<Instant> {
    let Some(day) = &ask.chosen_on else { return Ok(caller.now) };
    if !is_staff(&caller.actor) {
        return Err(invalid("chosen_on", "a patient chooses now"));
    }
    let at = AppError::time("chosen_on", day)?;
    if at > caller.now {
        return Err(invalid("chosen_on", "it has not come yet"));
    }
    if month_of(at).next().first().start() <= caller.now {
        let detail = "the month from which it would count has begun: the patient chooses again, now";
        return Err(AppError::new(Code::CapBackdated, detail));
    }
    Ok(at)
}

/// One lead at a time, over all schemes: nobody joins a second, and months of two never overlap. A change stays in
/// its scheme. Gives the lead that is left.
fn check_choice<'a>(
    ask: &Choose,
    from: Instant,
    memberships: &'a [CapitationMember],
) -> AppResult<Option<&'a CapitationMember>> {
    let duplicate = |member: &CapitationMember, detail: String| {
        AppError::new(Code::CapDuplicate, detail).with("lead", &member.lead).with("plugin", &member.plugin)
    };
    let (own, others): (Vec<_>, Vec<_>) =
        memberships.iter().filter(|member| member.until.is_none()).partition(|member| member.plugin == ask.plugin);
    if let Some(other) = others.first() {
        let detail = format!("the patient is with `{}` of `{}`, and leaves it first", other.lead, other.plugin);
        return Err(duplicate(other, detail));
    }
    let open = own.first().copied();
    match open {
        Some(current) if !ask.change => {
            return Err(duplicate(current, format!("the patient is with `{}`; `change` leaves it", current.lead)));
        }
        None if ask.change => return Err(AppError::new(Code::CapRefused, "the patient has no lead to change")),
        _ => {}
    }
    match memberships.iter().find(|member| member.until.is_some_and(|until| until > from)) {
        Some(other) => Err(duplicate(other, format!("`{}` counts until later", other.lead))),
        None => Ok(open),
    }
}

fn refusal(reasons: &[Refusal]) -> AppError {
    let code = match reasons.first().map(|reason| reason.code.as_str()) {
        Some("CAP_DUPLICATE") => Code::CapDuplicate,
        Some("CAP_BACKDATED") => Code::CapBackdated,
        _ => Code::CapRefused,
    };
    let said: Vec<String> = reasons.iter().map(|why| format!("{}: {}", why.code, why.message.get("en"))).collect();
    AppError::new(code, said.join("; ")).with("refusals", reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JULY: Instant = Instant::from_micros(1_782_835_200_000_000);

    fn member(plugin: &str, until: Option<Instant>) -> CapitationMember {
        CapitationMember {
            id: MemberId::from_u128(1),
            plugin: plugin.to_owned(),
            patient_id: "p".to_owned(),
            lead: format!("lead of {plugin}"),
            risk_class: String::new(),
            since: JULY.plus_days(-181),
            until,
            body: serde_json::Value::Null,
            version: 1,
            created_at: JULY,
            updated_at: JULY,
        }
    }

    /// DOMAIN.md D3: one active lead for a patient-year, under whatever scheme.
    #[test]
    fn nobody_has_two_leads_at_once() {
        let (before, later) = (Some(JULY), Some(JULY.plus_days(31)));
        let (duplicate, refused) = (Some(Code::CapDuplicate), Some(Code::CapRefused));
        for (memberships, change, code) in [
            (vec![], false, None),
            (vec![], true, refused),
            (vec![member("a", None)], false, duplicate),
            (vec![member("a", None)], true, None),
            (vec![member("b", None)], false, duplicate),
            (vec![member("b", None)], true, duplicate),
            (vec![member("a", None), member("b", None)], true, duplicate),
            (vec![member("a", before)], false, None),
            (vec![member("b", before)], false, None),
            (vec![member("a", later)], false, duplicate),
            (vec![member("b", later)], false, duplicate),
            (vec![member("a", None), member("b", later)], true, duplicate),
        ] {
            let ask = Choose {
                patient: PatientId::from_u128(1),
                plugin: "a".to_owned(),
                lead: "another".to_owned(),
                partners: Vec::new(),
                change,
                chosen_on: None,
            };
            let checked = check_choice(&ask, JULY, &memberships);
            let leaves = checked.as_ref().ok().copied().flatten();
            assert!(leaves.is_none_or(|left| change && left.plugin == "a"));
            assert_eq!(checked.err().map(|error| error.code), code, "{memberships:?} {change}");
        }
    }
}
