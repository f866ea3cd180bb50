use serde_json::json;
use xinglin_domain::{
    enrolment::AlertRecord,
    id::{AlertId, ContactId, PatientId},
    safety::{AskedContact, Danger, Finding, Heard, Help, SUICIDE_RISK, SafetyContact},
    time::Instant,
};
use xinglin_platform::{
    AppError, AppResult, ambient, boxed,
    document::{Stored, fresh},
    settings::settings,
};
use xinglin_records::{
    notice::{self, Weight},
    patient,
    resource::{self, marked},
};
use xinglin_store::TenantTx;

use super::{SafetyNotice, of_patient, open_of, put, state};
use crate::alert;

/// A danger, and what it was found in.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// How great it is; `None` if only a pathway asks for a contact.
    danger: Option<Danger>,
    /// As of a [`Finding`].
    found_in: String,
    /// What pathways ask for because of it.
    asked: Vec<AskedContact>,
}

impl Found {
    /// What the host's own list says.
    pub(crate) const fn danger(danger: Danger, found_in: String) -> Self {
        Self { danger: Some(danger), found_in, asked: Vec::new() }
    }

    /// What a pathway asks for.
    pub(crate) fn asked(asked: AskedContact, found_in: String) -> Self {
        Self { danger: None, found_in, asked: vec![asked] }
    }

    /// What the host found in the same answers for which a pathway asks for contacts: one contact for all if the host
    /// found something, since one person speaks with the patient once; else one for each code.
    pub(crate) fn in_answers(danger: Option<Danger>, asked: Vec<AskedContact>, found_in: &str) -> Vec<Self> {
        match danger {
            Some(_) => vec![Self { danger, found_in: found_in.to_owned(), asked }],
            None => asked.into_iter().map(|one| Self::asked(one, found_in.to_owned())).collect(),
        }
    }

    /// The code under which it is asked for, if it is not the host's own.
    fn named(&self) -> Option<&str> {
        let first = self.asked.first().filter(|_| self.danger.is_none())?;
        Some(first.contact.code.as_str()).filter(|code| *code != SUICIDE_RISK)
    }

    fn finding(&self, now: Instant) -> Finding {
        let asked = self.asked.iter().map(AskedContact::danger);
        let danger = asked.chain(self.danger).max().unwrap_or(Danger::Assess);
        let minutes = self.asked.iter().map(|one| one.contact.within_minutes);
        let minutes = minutes.chain(self.danger.map(Danger::minutes)).min();
        Finding { minutes, ..Finding::new(danger, self.found_in.clone(), now) }
    }
}

/// Opens the contact with a patient in danger, in the transaction that stores what says so: its alert, and
/// what the patient is shown. If one is open, the finding is added to it, and its alert is due again. Nothing
/// for a patient who has died. What was written in a record that another one replaced is the present one's.
///
/// # Errors
/// If the store fails.
#[boxed]
pub(crate) async fn open(
    tx: &TenantTx,
    patient: PatientId,
    found: Found,
    now: Instant,
) -> AppResult<Option<SafetyNotice>> {
    let finding = found.finding(now);
    find(tx, patient, (found, finding), Witness::Record).await
}

/// As [`open`], for what somebody said who is alive, whatever the record says: the patient's own answer, or what one of
/// the care team heard. That the record says otherwise is kept with the finding.
///
/// # Errors
/// If the store fails.
pub(crate) async fn open_said(
    tx: &TenantTx,
    patient: PatientId,
    found: Found,
    heard: Option<Heard>,
    now: Instant,
) -> AppResult<SafetyNotice> {
    let finding = Finding { heard, ..found.finding(now) };
    let notice = find(tx, patient, (found, finding), Witness::Present).await?;
    notice.ok_or_else(|| AppError::internal("a contact is opened for who is alive"))
}

/// Most contacts of a patient that are open under names of pathways: what is asked for under others is added to one of
/// them. A project default.
const MOST_NAMED: usize = 20;

/// Who says it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Witness {
    /// What was written in the record, whenever.
    Record,
    /// Somebody who is alive.
    Present,
}

#[boxed]
async fn find(
    tx: &TenantTx,
    named: PatientId,
    (found, finding): (Found, Finding),
    witness: Witness,
) -> AppResult<Option<SafetyNotice>> {
    patient::lock(tx, named).await?;
    let patient = patient::current(tx, named).await?;
    if patient != named {
        patient::lock(tx, patient).await?;
    }
    let against_death = patient::has_died(tx, patient).await?;
    if against_death && witness == Witness::Record {
        return Ok(None);
    }
    let help = settings(tx).await?.help;
    let finding = Finding { against_death, ..finding };
    // A version that was written is read once; who answers again says it again.
    if finding.found_in.contains("/_history/")
        && let Some(known) = of_patient(tx, patient).await?.into_iter().find(|known| known.rests_on(&finding.found_in))
    {
        return Ok(Some(SafetyNotice { contact: known.id, help: help.because_of(&known) }));
    }
    let now = finding.at;
    let mut found = found;
    let code = found.named().unwrap_or(SUICIDE_RISK).to_owned();
    let open = open_of(tx, patient).await?;
    let is_named = |open: &&Stored<ContactId, SafetyContact>| open.value.named.is_some();
    if found.named().is_none() {
        // What a pathway asks for is carried by one contact.
        found.asked.retain(|one| !open.iter().filter(is_named).any(|open| open.value.carries(one)));
    }
    let mut standing = open.iter().position(|open| open.value.is_of(&code));
    if standing.is_none() && found.named().is_some() && open.iter().filter(is_named).count() >= MOST_NAMED {
        standing = open.iter().position(|open| open.value.named.is_some());
    }
    let contact = match standing.and_then(|place| open.into_iter().nth(place)) {
        None => {
            let named = found.named().map(str::to_owned);
            let contact = SafetyContact { named, ..SafetyContact::open(ids(), patient, finding) };
            let contact = contact.asked_by(found.asked);
            begin(tx, &contact, now).await?;
            contact
        }
        Some(Stored { row, value }) => {
            let contact = value.found(finding).asked_by(found.asked);
            put(tx, row, &contact, now).await?;
            renew(tx, &contact, now).await?;
            contact
        }
    };
    let help = help.because_of(&contact);
    show(tx, &contact, (named, &help), now).await?;
    Ok(Some(SafetyNotice { contact: contact.id, help }))
}

pub(super) fn ids() -> (ContactId, AlertId) {
    (ContactId::from_u128(ambient::fresh_id()), AlertId::from_u128(ambient::fresh_id()))
}

/// Stores a new contact with its alert.
pub(super) async fn begin(tx: &TenantTx, contact: &SafetyContact, now: Instant) -> AppResult<()> {
    let mut row = fresh(contact.id, contact.patient, None, state(contact), contact, now)?;
    row.exclusive_key = contact.exclusive_key();
    tx.insert_document(&row).await?;
    let ids = (contact.alert, contact.id);
    let record = AlertRecord::of_contact(ids, contact.patient, contact.notice(), (contact.opened, contact.is_urgent()));
    tracing::warn!(contact = %contact.id, code = contact.code(), deadline = %contact.deadline, "a patient is in danger");
    alert::insert(tx, &record).await?;
    let of = alert::origin(tx, &record).await?;
    resource::project(tx, marked(vec![alert::projection(&record, &of.pathway)], of.compartments), now).await
}

/// The alert of a contact is due again, whoever was at it.
async fn renew(tx: &TenantTx, contact: &SafetyContact, now: Instant) -> AppResult<()> {
    let row = tx.get_alert(contact.alert).await?;
    let standing = alert::record(row.clone())?;
    let renewed = standing.renewed(contact.notice(), contact.is_urgent(), now);
    tracing::warn!(contact = %contact.id, finding = contact.last_finding(), climbs = %renewed.climbs_at(), "it was said again");
    alert::update(tx, (row, &renewed), now).await?;
    alert::climb_at(tx, &renewed, renewed.climbs_at()).await
}

/// What the patient is shown, once for each key.
async fn show(
    tx: &TenantTx,
    contact: &SafetyContact,
    (named, help): (PatientId, &Help),
    now: Instant,
) -> AppResult<()> {
    let numbers: Vec<&str> = help.lines.iter().map(|line| line.number.as_str()).collect();
    let key = format!("{}/{}", contact.message_key(now), numbers.join("+"));
    let body = json!({ "kind": "safety", "text": help.text, "lines": help.lines });
    notice::write(tx, (contact.patient, key.clone(), body.clone()), (Weight::Urgent, None), now).await?;
    if named != contact.patient {
        // They may still look at the record that was replaced.
        notice::write(tx, (named, format!("{key}/replaced"), body), (Weight::Silent, None), now).await?;
    }
    Ok(())
}
