//! Writing and signing: the doctor's part.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Cancellation, Cancelled, Draft, Head, PendingReview, RefusedRx, Rx, RxError,
    medicine::{Course, Medicine, Rules, Sheet},
    verify,
};
use crate::{
    access::{Action, Actor, can},
    clinical::Allergy,
    encounter::FollowUp,
    enrolment::hold::HoldRecord,
    id::PrescriptionId,
    review::{ReviewOutcome, Reviewed},
    signature::{AuthorKind, Signature, VerifySignature},
    time::Instant,
};

/// Days of validity that a prescription may have (处方管理办法 art. 18).
const VALID_DAYS: std::ops::RangeInclusive<u8> = 1..=3;

/// A draft that nobody signs lapses after so many hours.
const DRAFT_HOURS: i64 = 24;

/// The prescriber's signature and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signing {
    /// Under [`Rx::signing_digest`].
    pub signature: Signature,
    /// Days of validity, 1 to 3.
    pub valid_days: u8,
    /// The moment of signing and so many times 24 hours.
    pub valid_until: Instant,
    /// What the checkers had said.
    pub outcome: ReviewOutcome,
    /// Codes of the findings that the prescriber acknowledged.
    pub acknowledged: BTreeSet<String>,
    /// The prescriber's insistence after a return, if any.
    pub insistence: Option<super::Insistence>,
}

/// What a new prescription begins with.
#[derive(Debug, Clone, Copy)]
pub struct Create<'a> {
    /// Drawn at the edge.
    pub id: PrescriptionId,
    /// The follow-up in progress.
    pub follow_up: &'a FollowUp,
    /// Who writes it.
    pub author: AuthorKind,
}

/// What a signature needs beside the signer.
#[derive(Debug, Clone)]
pub struct SignWith<'a> {
    /// The follow-up, still in progress.
    pub follow_up: &'a FollowUp,
    /// Proof that this version was checked.
    pub reviewed: &'a Reviewed,
    /// The patient's holds, lifted ones too.
    pub holds: &'a [HoldRecord],
    /// Days of validity, 1 to 3.
    pub valid_days: u8,
    /// Under [`Rx::signing_digest`] of the same days and moment.
    pub signature: Signature,
}

impl Rx<Draft> {
    /// A doctor begins a prescription in a follow-up of their own.
    ///
    /// # Errors
    /// If the author is a program, or the follow-up is another doctor's.
    pub fn create(by: &Actor, create: Create<'_>, at: Instant) -> Result<Self, RxError> {
        Self::begin(by, create, Course::Ordinary, Vec::new(), None, at)
    }

    pub(super) fn begin(
        by: &Actor,
        Create { id, follow_up, author }: Create<'_>,
        course: Course,
        medicines: Vec<Medicine>,
        renews: Option<PrescriptionId>,
        at: Instant,
    ) -> Result<Self, RxError> {
        if author != AuthorKind::Human {
            return Err(RxError::AiOrigin);
        }
        can(by, Action::DraftPrescription, at)?;
        if follow_up.doctor() != by.account {
            return Err(RxError::NoEncounter);
        }
        let sheet = Sheet { diagnoses: follow_up.diagnoses().to_vec(), course, medicines };
        let head = Head {
            id,
            version: 1,
            patient: follow_up.patient(),
            encounter: follow_up.encounter(),
            prescriber: by.account,
            renews,
            created: at,
            sheet,
        };
        Ok(Self { head, state: Draft { since: at, objection: None } })
    }

    /// Adds a medicine; its line gets the next number.
    ///
    /// # Errors
    /// If it is forbidden, one too many, there already, wrong in itself, or the
    /// patient is allergic to it.
    pub fn add(
        self,
        by: &Actor,
        mut medicine: Medicine,
        allergies: &[Allergy],
        rules: &Rules,
        at: Instant,
    ) -> Result<Self, RefusedRx<Draft>> {
        medicine.line.number = self.head.sheet.next_number();
        self.edit(by, at, |sheet| {
            sheet.medicines.push(medicine);
            rules.check_lines(sheet)?;
            match sheet.medicines.last().and_then(|added| added.allergy(allergies)) {
                Some(error) => Err(error),
                None => Ok(()),
            }
        })
    }

    /// Takes a medicine out.
    ///
    /// # Errors
    /// If there is no line of that number.
    pub fn remove(self, by: &Actor, line: u32, at: Instant) -> Result<Self, RefusedRx<Draft>> {
        self.edit(by, at, |sheet| {
            let before = sheet.medicines.len();
            sheet.medicines.retain(|m| m.line.number != line);
            if sheet.medicines.len() == before {
                return Err(RxError::Line { line, what: "there is no such line" });
            }
            Ok(())
        })
    }

    /// Says for how long it is: ordinary, extended for a reason, or long-term.
    ///
    /// # Errors
    /// If the actor is not the prescriber.
    pub fn set_course(self, by: &Actor, course: Course, at: Instant) -> Result<Self, RefusedRx<Draft>> {
        self.edit(by, at, |sheet| {
            sheet.course = course;
            Ok(())
        })
    }

    /// Changes a copy of the sheet and keeps it if that went well.
    fn edit(
        self,
        by: &Actor,
        at: Instant,
        change: impl FnOnce(&mut Sheet) -> Result<(), RxError>,
    ) -> Result<Self, RefusedRx<Draft>> {
        let mut sheet = self.head.sheet.clone();
        let mut next = self.advance(
            |rx| {
                rx.prescriber_only(by, Action::DraftPrescription, at)?;
                change(&mut sheet)
            },
            |draft, ()| draft,
        )?;
        next.head.sheet = sheet;
        Ok(next)
    }

    /// The doctor signs; the prescription goes to the pharmacist.
    ///
    /// # Errors
    /// If any rule is against it: the first that is found, in the order visit,
    /// holds, lines and quantities, validity, checks, signature.
    pub fn sign(
        self,
        by: &Actor,
        with: SignWith<'_>,
        rules: &Rules,
        verifier: &dyn VerifySignature,
        at: Instant,
    ) -> Result<Rx<PendingReview>, RefusedRx<Draft>> {
        let SignWith { follow_up, reviewed, holds, valid_days, signature } = with;
        self.advance(
            |rx| {
                rx.prescriber_only(by, Action::SignPrescription, at)?;
                if follow_up.encounter() != rx.head.encounter || follow_up.doctor() != by.account {
                    return Err(RxError::NoEncounter);
                }
                rx.not_on_hold(holds)?;
                rules.check_lines(&rx.head.sheet)?;
                rules.check_course(&rx.head.sheet, by, at)?;
                if !VALID_DAYS.contains(&valid_days) {
                    return Err(RxError::Validity(valid_days));
                }
                if reviewed.subject() != rx.fingerprint()? {
                    return Err(RxError::ReviewedAnother);
                }
                if signature.at != at {
                    return Err(RxError::Signature("it is not of this moment"));
                }
                verify(&rx.signing_digest(valid_days, at)?, &signature, rx.head.prescriber, verifier)?;
                Ok(Signing {
                    signature,
                    valid_days,
                    valid_until: at.plus_hours(i64::from(valid_days) * 24),
                    outcome: reviewed.outcome().clone(),
                    acknowledged: reviewed.acknowledged().clone(),
                    insistence: None,
                })
            },
            |_, signing| PendingReview { signing },
        )
    }

    /// The doctor drops the draft.
    ///
    /// # Errors
    /// If the actor is not the prescriber.
    pub fn abandon(self, by: &Actor, at: Instant) -> Result<Rx<Cancelled>, RefusedRx<Draft>> {
        self.advance(
            |rx| rx.prescriber_only(by, Action::DraftPrescription, at),
            |_, ()| Cancelled { cause: Cancellation::Abandoned(by.account), at },
        )
    }

    /// A day has passed without a signature.
    ///
    /// # Errors
    /// If it has not.
    pub fn lapse(self, at: Instant) -> Result<Rx<Cancelled>, RefusedRx<Draft>> {
        self.advance(
            |rx| {
                if at >= rx.state.since.plus_hours(DRAFT_HOURS) {
                    Ok(())
                } else {
                    Err(RxError::State { event: super::Event::Abandon, state: super::RxState::Draft })
                }
            },
            |_, ()| Cancelled { cause: Cancellation::Lapsed, at },
        )
    }
}

impl<S> Rx<S> {
    /// No danger sign stands in the way of a signature.
    pub(super) fn not_on_hold(&self, holds: &[HoldRecord]) -> Result<(), RxError> {
        match holds.iter().find(|hold| hold.patient == self.head.patient && hold.is_active()) {
            Some(hold) => Err(RxError::OnHold(hold.hold.code.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        code::Code,
        coding::{Coding, system},
        fixture::{self, NOW},
        id::{AccountId, EncounterId, PatientId},
        prescription::journey::{draft, reviewed, signed},
        review::{self, Answer, Checker, Verdict},
    };

    fn create(change: impl FnOnce(&mut Actor, &mut AuthorKind)) -> Option<Code> {
        let (mut by, mut author) = (fixture::doctor(), AuthorKind::Human);
        change(&mut by, &mut author);
        let follow_up = fixture::follow_up(EncounterId::from_u128(1));
        let create = Create { id: PrescriptionId::from_u128(1), follow_up: &follow_up, author };
        Rx::create(&by, create, NOW).err().map(|e| e.code())
    }

    #[test]
    fn a_person_begins_it_in_a_visit_of_their_own() {
        assert_eq!(create(|_, _| {}), None);
        assert_eq!(create(|_, author| *author = AuthorKind::Machine), Some(Code::RxAiOrigin));
        assert_eq!(create(|by, _| by.account = AccountId::from_u128(77)), Some(Code::RxNoEncounter));
        assert_eq!(create(|by, _| fixture::lapse(by, NOW)), Some(Code::CredInvalid));
        assert_eq!(create(|by, _| by.roles.clear()), Some(Code::AuthForbidden));
    }

    #[test]
    fn a_line_is_refused_and_the_draft_stays() {
        let add = |medicine, allergies: &[Allergy]| {
            let before = draft();
            let refused = before
                .clone()
                .add(&fixture::doctor(), medicine, allergies, &fixture::rules(), NOW)
                .expect_err("refused");
            assert_eq!(*refused.value, before);
            refused.error.code()
        };
        let atc = |code: &str| {
            let mut medicine = fixture::medicine(code);
            medicine.line.ingredients = vec![Coding::new(system::ATC, code)];
            medicine
        };
        assert_eq!(add(atc("N05CF02"), &[]), Code::RxForbiddenDrug);
        assert_eq!(add(atc("J01CA04"), &[fixture::allergy(Coding::new(system::ATC, "J01CA04"))]), Code::RxAllergy);
        assert_eq!(add(fixture::metformin(), &[]), Code::RxDuplicateDrug);
    }

    #[test]
    fn the_sixth_medicine_is_one_too_many() {
        let mut rx = draft();
        for n in 2..=5 {
            let medicine = fixture::medicine(&format!("drug-{n}"));
            rx = rx.add(&fixture::doctor(), medicine, &[], &fixture::rules(), NOW).expect("up to five");
            assert_eq!(rx.sheet().medicines.last().map(|m| m.line.number), Some(n));
        }
        let sixth = rx.add(&fixture::doctor(), fixture::medicine("drug-6"), &[], &fixture::rules(), NOW);
        let refused = sixth.expect_err("too many");
        assert_eq!(refused.error.code(), Code::RxTooManyItems);
        let four = refused.value.remove(&fixture::doctor(), 3, NOW).expect("there");
        assert!(four.clone().remove(&fixture::doctor(), 3, NOW).is_err());
        let again = four.add(&fixture::doctor(), fixture::medicine("drug-7"), &[], &fixture::rules(), NOW);
        let numbers: Vec<u32> = again.expect("five").sheet().medicines.iter().map(|m| m.line.number).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 6]);
    }

    /// Everything that a signature needs, sound, for one test to spoil.
    struct Pen {
        by: Actor,
        follow_up: FollowUp,
        reviewed: Reviewed,
        holds: Vec<HoldRecord>,
        valid_days: u8,
        signature: Option<Signature>,
        at: Instant,
    }

    fn sign(rx: Rx<Draft>, change: impl FnOnce(&mut Pen)) -> Result<Rx<PendingReview>, Code> {
        let mut pen = Pen {
            by: fixture::doctor(),
            follow_up: fixture::follow_up(EncounterId::from_u128(1)),
            reviewed: reviewed(&rx),
            holds: vec![],
            valid_days: 3,
            signature: None,
            at: NOW,
        };
        change(&mut pen);
        let digest = rx.signing_digest(pen.valid_days, pen.at).expect("digest");
        let signature = pen.signature.unwrap_or_else(|| fixture::sign(&pen.by, &digest, pen.at));
        let Pen { by, follow_up, reviewed, holds, valid_days, at, .. } = pen;
        let with = SignWith { follow_up: &follow_up, reviewed: &reviewed, holds: &holds, valid_days, signature };
        rx.sign(&by, with, &fixture::rules(), &fixture::Verifier, at).map_err(|refused| refused.error.code())
    }

    #[test]
    fn valid_for_one_to_three_times_24_hours() {
        for (days, until) in [(1, NOW.plus_hours(24)), (3, NOW.plus_hours(72))] {
            let rx = sign(draft(), |pen| pen.valid_days = days).expect("signed");
            assert_eq!(rx.state().signing.valid_until, until);
        }
        for days in [0, 4, 255] {
            assert_eq!(sign(draft(), |pen| pen.valid_days = days).err(), Some(Code::RxValidity));
        }
    }

    #[test]
    fn only_the_prescriber_signs_in_the_same_visit() {
        let other = |pen: &mut Pen| pen.by.account = AccountId::from_u128(77);
        assert_eq!(sign(draft(), other).err(), Some(Code::AuthForbidden));
        let visit = |pen: &mut Pen| pen.follow_up = fixture::follow_up(EncounterId::from_u128(2));
        assert_eq!(sign(draft(), visit).err(), Some(Code::RxNoEncounter));
        let suspended = |pen: &mut Pen| fixture::suspend(&mut pen.by, NOW);
        assert_eq!(sign(draft(), suspended).err(), Some(Code::CredInvalid));
    }

    #[test]
    fn a_standing_hold_stops_the_pen() {
        let held = |pen: &mut Pen| pen.holds = vec![fixture::hold_record()];
        assert_eq!(sign(draft(), held).err(), Some(Code::EncRedFlag));
        let lifted = fixture::hold_record().release_by(&fixture::doctor(), "复测正常".into(), NOW).expect("lifted");
        assert!(sign(draft(), |pen| pen.holds = vec![lifted]).is_ok());
        let other = HoldRecord { patient: PatientId::from_u128(9), ..fixture::hold_record() };
        assert!(sign(draft(), |pen| pen.holds = vec![other]).is_ok());
    }

    #[test]
    fn what_was_checked_is_what_is_signed() {
        let checked = reviewed(&draft());
        let more = draft()
            .add(&fixture::doctor(), fixture::medicine("later"), &[], &fixture::rules(), NOW)
            .expect("added after the check");
        assert_eq!(sign(more, |pen| pen.reviewed = checked).err(), Some(Code::RxNotChecked));
    }

    #[test]
    fn acknowledged_warnings_are_kept() {
        let checker = Checker { plugin: "xinglin.drug-safety".into(), required: true };
        let warn = Answer::Verdict(Verdict::Warn(vec![fixture::finding("RENAL")]));
        let answers = BTreeMap::from([(checker.plugin.clone(), warn)]);
        let outcome = review::fold(draft().fingerprint().expect("digest"), &[checker], answers);
        let proof = outcome.acknowledge(&BTreeSet::from(["RENAL".to_owned()])).expect("acknowledged");
        let rx = sign(draft(), |pen| pen.reviewed = proof).expect("signed");
        assert!(rx.state().signing.acknowledged.contains("RENAL"));
    }

    #[test]
    fn a_signature_fits_signer_content_and_moment() {
        let forge = |by: &Actor, at: Instant, days: u8| {
            let digest = draft().signing_digest(days, at).expect("digest");
            sign(draft(), |pen| pen.signature = Some(fixture::sign(by, &digest, at))).err()
        };
        assert_eq!(forge(&fixture::doctor(), NOW, 3), None);
        assert_eq!(forge(&fixture::pharmacist(), NOW, 3), Some(Code::RxSignatureInvalid));
        assert_eq!(forge(&fixture::doctor(), NOW.plus_hours(1), 3), Some(Code::RxSignatureInvalid));
        assert_eq!(forge(&fixture::doctor(), NOW, 1), Some(Code::RxSignatureInvalid));
    }

    #[test]
    fn an_empty_or_too_long_draft_is_not_signed() {
        let empty = draft().remove(&fixture::doctor(), 1, NOW).expect("removed");
        assert_eq!(sign(empty, |_| {}).err(), Some(Code::RxLineInvalid));
        let mut long = fixture::medicine("long");
        long.line.days = 90;
        let rx = draft().add(&fixture::doctor(), long, &[], &fixture::rules(), NOW).expect("a draft may");
        assert_eq!(sign(rx.clone(), |_| {}).err(), Some(Code::RxQtyExceeded));
        let extended = rx.set_course(&fixture::doctor(), Course::Extended { reason: "慢性病".into() }, NOW);
        assert_eq!(sign(extended.expect("set"), |_| {}).err(), Some(Code::RxQtyExceeded));
    }

    #[test]
    fn a_draft_lapses_after_a_day() {
        assert!(draft().lapse(NOW.plus_hours(23)).is_err());
        let lapsed = draft().lapse(NOW.plus_hours(24)).expect("a day");
        assert_eq!(lapsed.state().cause, Cancellation::Lapsed);
        assert!(signed(draft(), NOW.plus_hours(30)).is_ok(), "nobody has noticed yet");
    }
}
