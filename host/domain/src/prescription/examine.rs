//! The pharmacist's review (处方审核) and the doctor's replies.

use serde::{Deserialize, Serialize};

use super::{
    Cancellation, Cancelled, Draft, Effective, Issue, PendingReview, RefusedRx, Rejected, Returned, Rx, RxError,
    draft::Signing, reason, verify,
};
use crate::{
    access::{Action, Actor, can},
    canonical::{CanonicalError, Digest},
    clinical::Allergy,
    enrolment::hold::HoldRecord,
    id::AccountId,
    pathway::HeldAct,
    review::Reviewed,
    signature::{Signature, VerifySignature},
    time::Instant,
};

/// Four checks, ten matches (四查十对, 处方管理办法 art. 37). All must be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    /// 查处方: department, name, age.
    pub prescription: bool,
    /// 查药品: name, form, strength, quantity.
    pub medicine: bool,
    /// 查配伍禁忌: properties, usage and dose.
    pub incompatibility: bool,
    /// 查用药合理性: diagnosis.
    pub rationality: bool,
}

impl Checklist {
    /// All four made.
    pub const COMPLETE: Self = Self { prescription: true, medicine: true, incompatibility: true, rationality: true };
}

/// The pharmacist's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The pharmacist.
    pub by: AccountId,
    /// Over [`Rx::approval_digest`].
    pub signature: Signature,
}

/// A pharmacist's objection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objection {
    /// The pharmacist.
    pub by: AccountId,
    /// The hospital's code for the reason.
    pub code: String,
    /// Text.
    pub text: String,
    /// The time.
    pub at: Instant,
}

/// The prescriber's confirmation of a returned prescription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insistence {
    /// The pharmacist's objection.
    pub objection: Objection,
    /// The reason.
    pub reason: String,
    /// Over [`Rx::confirmation_digest`].
    pub signature: Signature,
}

pub(super) fn approval_digest(under: Digest, pharmacist: AccountId, at: Instant) -> Result<Digest, CanonicalError> {
    #[derive(Serialize)]
    struct Document {
        document: &'static str,
        prescription: Digest,
        pharmacist: AccountId,
        at: Instant,
    }
    Digest::of(&Document { document: "xinglin.approval", prescription: under, pharmacist, at })
}

/// Input of an approval.
#[derive(Debug, Clone)]
pub struct ApproveWith<'a> {
    /// The pharmacist's checklist.
    pub checklist: Checklist,
    /// The prescriber, with the certificates of this moment.
    pub prescriber: &'a Actor,
    /// Proof that this version was checked once more.
    pub reviewed: &'a Reviewed,
    /// The patient's holds, including released ones.
    pub holds: &'a [HoldRecord],
    /// The patient's allergies.
    pub allergies: &'a [Allergy],
    /// Over [`Rx::approval_digest`].
    pub signature: Signature,
}

impl Rx<PendingReview> {
    /// The digest that a pharmacist signs to approve.
    ///
    /// # Errors
    /// If the prescription cannot be hashed.
    pub fn approval_digest(&self, pharmacist: AccountId, at: Instant) -> Result<Digest, CanonicalError> {
        let Signing { valid_days, ref signature, .. } = self.state.signing;
        approval_digest(self.signing_digest(valid_days, signature.at)?, pharmacist, at)
    }

    /// A pharmacist approves and signs; the prescription becomes effective. What the signature
    /// rested on is checked at this moment once more: the prescriber's licence, holds, allergies
    /// and the checkers.
    ///
    /// # Errors
    /// If reviewer and prescriber are the same, a licence is not valid, the checklist is
    /// incomplete, a hold is active, the patient is allergic to a medicine, the checks are of
    /// another version, the validity has ended, or a signature is not valid.
    pub fn approve(
        self,
        by: &Actor,
        with: ApproveWith<'_>,
        verifier: &dyn VerifySignature,
        at: Instant,
    ) -> Result<Rx<Effective>, RefusedRx<PendingReview>> {
        let ApproveWith { checklist, prescriber, reviewed, holds, allergies, signature } = with;
        self.advance(
            |rx| {
                rx.may_be_examined_by(by, at)?;
                if checklist != Checklist::COMPLETE {
                    return Err(RxError::Checklist);
                }
                rx.prescriber_only(prescriber, Action::SignPrescription, at)?;
                rx.not_on_hold(holds, HeldAct::Approve)?;
                rx.tolerated(allergies)?;
                if reviewed.subject() != rx.fingerprint()? {
                    return Err(RxError::ReviewedAnother);
                }
                let under = rx.verify_signing(&rx.state.signing, verifier)?;
                if signature.at != at {
                    return Err(RxError::Signature("it is not of this moment"));
                }
                verify(&approval_digest(under, by.account, at)?, &signature, by.account, verifier)?;
                Ok(Approval { by: by.account, signature })
            },
            |pending, approval| Effective { issue: Issue { signing: pending.signing, approval } },
        )
    }

    /// A pharmacist returns it to the prescriber.
    ///
    /// # Errors
    /// If the pharmacist may not, or gives no reason.
    pub fn send_back(
        self,
        by: &Actor,
        code: String,
        text: String,
        at: Instant,
    ) -> Result<Rx<Returned>, RefusedRx<PendingReview>> {
        self.advance(
            |rx| rx.objection(by, code, text, at),
            |pending, objection| Returned { signing: pending.signing, objection },
        )
    }

    /// A pharmacist rejects it finally: forged or dangerous.
    ///
    /// # Errors
    /// If the pharmacist may not, or gives no reason.
    pub fn reject(
        self,
        by: &Actor,
        code: String,
        text: String,
        at: Instant,
    ) -> Result<Rx<Rejected>, RefusedRx<PendingReview>> {
        self.advance(
            |rx| rx.objection(by, code, text, at),
            |pending, objection| Rejected { signing: pending.signing, objection },
        )
    }

    /// Checks that somebody may review it now.
    ///
    /// # Errors
    /// If it is their own, their licence is not valid, or the validity has ended.
    pub fn may_be_examined_by(&self, by: &Actor, at: Instant) -> Result<(), RxError> {
        if by.account == self.head.prescriber {
            return Err(RxError::SelfReview);
        }
        can(by, Action::ReviewPrescription, at)?;
        unexpired(&self.state.signing, at)
    }

    fn objection(&self, by: &Actor, code: String, text: String, at: Instant) -> Result<Objection, RxError> {
        self.may_be_examined_by(by, at)?;
        Ok(Objection { by: by.account, code: reason(code)?, text: reason(text)?, at })
    }
}

impl Rx<Returned> {
    /// The doctor amends it: a new version, without signatures.
    ///
    /// # Errors
    /// If `expected` is not the current version.
    pub fn amend(self, by: &Actor, expected: u32, at: Instant) -> Result<Rx<Draft>, RefusedRx<Returned>> {
        let mut draft = self.advance(
            |rx| {
                rx.prescriber_only(by, Action::SignPrescription, at)?;
                unexpired(&rx.state.signing, at)?;
                let actual = rx.head.version;
                if expected != actual {
                    return Err(RxError::Version { expected, actual });
                }
                Ok(())
            },
            |returned, ()| Draft { since: at, objection: Some(returned.objection) },
        )?;
        draft.head.version = draft.head.version.saturating_add(1);
        Ok(draft)
    }

    /// The digest that the doctor signs to confirm.
    ///
    /// # Errors
    /// If the prescription cannot be hashed.
    pub fn confirmation_digest(&self, reason: &str, at: Instant) -> Result<Digest, CanonicalError> {
        #[derive(Serialize)]
        struct Document<'a> {
            document: &'static str,
            prescription: Digest,
            objection: &'a Objection,
            reason: &'a str,
            at: Instant,
        }
        let Signing { valid_days, ref signature, .. } = self.state.signing;
        let prescription = self.signing_digest(valid_days, signature.at)?;
        let objection = &self.state.objection;
        Digest::of(&Document { document: "xinglin.insistence", prescription, objection, reason, at })
    }

    /// The doctor confirms with a written reason and a second signature. The validity of the
    /// first signature is kept.
    ///
    /// # Errors
    /// If the reason or the second signature is missing or not valid, a hold is active, or the
    /// patient is allergic to a medicine.
    pub fn confirm(
        self,
        by: &Actor,
        why: String,
        signature: Signature,
        (holds, allergies): (&[HoldRecord], &[Allergy]),
        verifier: &dyn VerifySignature,
        at: Instant,
    ) -> Result<Rx<PendingReview>, RefusedRx<Returned>> {
        self.advance(
            |rx| {
                rx.prescriber_only(by, Action::SignPrescription, at)?;
                unexpired(&rx.state.signing, at)?;
                rx.not_on_hold(holds, HeldAct::Prescribe)?;
                rx.tolerated(allergies)?;
                if why.trim().is_empty() || signature.at != at || signature.signer != by.account {
                    return Err(RxError::SecondSignature);
                }
                rx.verify_signing(&rx.state.signing, verifier)?;
                verify(&rx.confirmation_digest(&why, at)?, &signature, by.account, verifier)?;
                Ok(Insistence { objection: rx.state.objection.clone(), reason: why, signature })
            },
            |returned, insistence| PendingReview {
                signing: Signing { insistence: Some(insistence), ..returned.signing },
            },
        )
    }
}

impl Rx<PendingReview> {
    /// The doctor withdraws what is signed and not approved.
    ///
    /// # Errors
    /// If the actor is not the prescriber, or the validity has ended.
    pub fn withdraw(self, by: &Actor, at: Instant) -> Result<Rx<Cancelled>, RefusedRx<PendingReview>> {
        self.advance(|rx| rx.withdrawable(by, &rx.state.signing, at), |pending, ()| retracted(by, pending.signing, at))
    }
}

impl Rx<Returned> {
    /// The doctor withdraws what the pharmacist sent back.
    ///
    /// # Errors
    /// If the actor is not the prescriber, or the validity has ended.
    pub fn withdraw(self, by: &Actor, at: Instant) -> Result<Rx<Cancelled>, RefusedRx<Returned>> {
        self.advance(
            |rx| rx.withdrawable(by, &rx.state.signing, at),
            |returned, ()| retracted(by, returned.signing, at),
        )
    }
}

fn retracted(by: &Actor, signing: Signing, at: Instant) -> Cancelled {
    Cancelled { cause: Cancellation::Retracted { by: by.account, signing: Box::new(signing) }, at }
}

impl<S> Rx<S> {
    fn withdrawable(&self, by: &Actor, signing: &Signing, at: Instant) -> Result<(), RxError> {
        self.prescriber_only(by, Action::SignPrescription, at)?;
        unexpired(signing, at)
    }
}

impl Rx<Effective> {
    /// The doctor withdraws an approved prescription before it is ordered.
    ///
    /// # Errors
    /// If the actor is not the prescriber.
    pub fn withdraw(self, by: &Actor, at: Instant) -> Result<Rx<Cancelled>, RefusedRx<Effective>> {
        self.advance(
            |rx| rx.withdrawable(by, &rx.state.issue.signing, at),
            |effective, ()| Cancelled {
                cause: Cancellation::Withdrawn { by: by.account, issue: Box::new(effective.issue) },
                at,
            },
        )
    }
}

/// A signed prescription is valid until `valid_until`, exclusive.
pub(super) fn unexpired(signing: &Signing, at: Instant) -> Result<(), RxError> {
    if at < signing.valid_until { Ok(()) } else { Err(RxError::Expired) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::Role,
        code::Code,
        fixture,
        prescription::{
            Event, Prescription, RxStage, RxState,
            journey::{self, Journey},
        },
    };

    fn at<S: RxStage>(state: RxState) -> (Rx<S>, Instant) {
        let journey = Journey::to(state);
        (journey.rx.expecting(Event::Expire).expect("there"), journey.now.plus_minutes(1))
    }

    fn approve(by: &Actor, checklist: Checklist, signer: &Actor) -> Option<Code> {
        let (rx, now) = at::<PendingReview>(RxState::PendingReview);
        let digest = rx.approval_digest(by.account, now).expect("digest");
        let signature = fixture::sign(signer, &digest, now);
        let (prescriber, reviewed) = (fixture::doctor(), journey::reviewed(&rx));
        code(rx, by, ApproveWith { checklist, ..with(&prescriber, &reviewed, signature) }, now)
    }

    fn with<'a>(prescriber: &'a Actor, reviewed: &'a Reviewed, signature: Signature) -> ApproveWith<'a> {
        ApproveWith { checklist: Checklist::COMPLETE, prescriber, reviewed, holds: &[], allergies: &[], signature }
    }

    fn code(rx: Rx<PendingReview>, by: &Actor, with: ApproveWith<'_>, now: Instant) -> Option<Code> {
        rx.approve(by, with, &fixture::Verifier, now).err().map(|refused| refused.error.code())
    }

    #[test]
    fn what_the_signature_rested_on_must_still_hold() {
        let (rx, now) = at::<PendingReview>(RxState::PendingReview);
        let (doctor, by) = (fixture::doctor(), fixture::pharmacist());
        let reviewed = journey::reviewed(&rx);
        let signature = fixture::sign(&by, &rx.approval_digest(by.account, now).expect("digest"), now);
        let with = with(&doctor, &reviewed, signature);
        let refused = |with| code(rx.clone(), &by, with, now);
        assert_eq!(refused(with.clone()), None);
        let mut lapsed = fixture::doctor();
        fixture::lapse(&mut lapsed, fixture::NOW);
        assert_eq!(refused(ApproveWith { prescriber: &lapsed, ..with.clone() }), Some(Code::CredInvalid));
        let held = [fixture::hold_record()];
        assert_eq!(refused(ApproveWith { holds: &held, ..with.clone() }), Some(Code::EncRedFlag));
        let allergic = [fixture::allergy(rx.sheet().medicines[0].line.code[0].clone())];
        assert_eq!(refused(ApproveWith { allergies: &allergic, ..with.clone() }), Some(Code::RxAllergy));
        let amended = at::<Returned>(RxState::Returned).0.amend(&doctor, 1, now).expect("amended");
        let another = journey::reviewed(&amended);
        assert_eq!(refused(ApproveWith { reviewed: &another, ..with }), Some(Code::RxNotChecked));
    }

    #[test]
    fn nobody_reviews_their_own() {
        let mut both = fixture::doctor();
        both.roles.push(Role::Pharmacist);
        both.practice.certificates.extend(fixture::pharmacist().practice.certificates);
        assert_eq!(approve(&both, Checklist::COMPLETE, &both), Some(Code::RxSelfReview));
    }

    #[test]
    fn a_licensed_pharmacist_reviews_everything_and_signs() {
        let pharmacist = fixture::pharmacist();
        assert_eq!(approve(&pharmacist, Checklist::COMPLETE, &pharmacist), None);
        let mut lapsed = pharmacist.clone();
        fixture::lapse(&mut lapsed, fixture::NOW);
        assert_eq!(approve(&lapsed, Checklist::COMPLETE, &lapsed), Some(Code::RxReviewerUnqualified));
        let technician = fixture::technician();
        assert_eq!(approve(&technician, Checklist::COMPLETE, &technician), Some(Code::AuthForbidden));
        let hasty = Checklist { incompatibility: false, ..Checklist::COMPLETE };
        assert_eq!(approve(&pharmacist, hasty, &pharmacist), Some(Code::RxChecklistIncomplete));
        assert_eq!(approve(&pharmacist, Checklist::COMPLETE, &fixture::doctor()), Some(Code::RxSignatureInvalid));
    }

    /// Modifies stored bytes, as someone with access to the database could.
    fn tampered(state: RxState, pointer: &str, value: serde_json::Value) -> Journey {
        let journey = Journey::to(state);
        let mut json = serde_json::to_value(&journey.rx).expect("json");
        let state = json.as_object().and_then(|o| o.keys().next().cloned()).expect("tagged");
        let found = json.pointer_mut(&format!("/{state}{pointer}")).expect("the field is there");
        assert_ne!(*found, value, "nothing would change");
        *found = value;
        let rx: Prescription = serde_json::from_value(json).expect("prescription");
        Journey { rx, ..journey }
    }

    #[test]
    fn changed_bytes_void_the_signature_at_every_later_act() {
        let acts = [
            (RxState::PendingReview, Event::Approve, "/state/signing"),
            (RxState::Returned, Event::Confirm, "/state/signing"),
            (RxState::Effective, Event::Reserve, "/state/issue/signing"),
            (RxState::Reserved, Event::Dispense, "/state/issue/signing"),
        ];
        for (state, event, signing) in acts {
            let changes = [
                ("/head/sheet/medicines/0/line/dose/value".to_owned(), "5000".into()),
                ("/head/sheet/medicines/0/supply/packs".to_owned(), 2.into()),
                ("/head/patient".to_owned(), fixture::stranger().patients[0].to_string().into()),
                ("/head/version".to_owned(), 2.into()),
                (format!("{signing}/valid_days"), 1.into()),
                (format!("{signing}/valid_until"), fixture::NOW.plus_days(300).micros().into()),
                (format!("{signing}/signature/at"), fixture::NOW.plus_days(1).micros().into()),
            ];
            for (pointer, value) in changes {
                let patient_moved = event == Event::Reserve && pointer == "/head/patient";
                let expected = if patient_moved { Code::RxPatientMismatch } else { Code::RxSignatureInvalid };
                let refused = tampered(state, &pointer, value).take(event).expect_err("changed");
                assert_eq!(refused.code(), expected, "{state} {pointer}");
            }
        }
        let approver = fixture::technician().account.to_string();
        for (state, event) in [(RxState::Effective, Event::Reserve), (RxState::Reserved, Event::Dispense)] {
            let forged = tampered(state, "/state/issue/approval/by", approver.clone().into());
            assert_eq!(forged.take(event).expect_err("forged").code(), Code::RxSignatureInvalid);
        }
    }

    #[test]
    fn validity_ends_just_before_its_last_moment() {
        let approve = |at: Instant| {
            let (rx, _) = self::at::<PendingReview>(RxState::PendingReview);
            let by = fixture::pharmacist();
            let signature = fixture::sign(&by, &rx.approval_digest(by.account, at).expect("digest"), at);
            let (prescriber, reviewed) = (fixture::doctor(), journey::reviewed(&rx));
            code(rx, &by, with(&prescriber, &reviewed, signature), at)
        };
        let until = Journey::to(RxState::PendingReview).rx.valid_until().expect("signed");
        assert_eq!(approve(until.plus_seconds(-1)), None);
        assert_eq!(approve(until), Some(Code::RxExpired));
    }

    #[test]
    fn objections_have_reasons() {
        let (rx, now) = at::<PendingReview>(RxState::PendingReview);
        let by = fixture::pharmacist();
        let code = |refused: RefusedRx<PendingReview>| refused.error.code();
        assert_eq!(
            rx.clone().send_back(&by, " ".into(), "剂量".into(), now).map_err(code),
            Err(Code::RxReasonRequired)
        );
        assert_eq!(rx.clone().send_back(&by, "DOSE".into(), "".into(), now).map_err(code), Err(Code::RxReasonRequired));
        assert_eq!(
            rx.clone().reject(&by, "FORGED".into(), "\n".into(), now).map_err(code),
            Err(Code::RxReasonRequired)
        );
        let own = rx.reject(&fixture::doctor(), "FORGED".into(), "自审".into(), now).map_err(code);
        assert_eq!(own, Err(Code::RxSelfReview));
    }

    #[test]
    fn amending_makes_a_new_version_without_signatures() {
        let (rx, now) = at::<Returned>(RxState::Returned);
        let stale = rx.clone().amend(&fixture::doctor(), 7, now).expect_err("stale");
        assert_eq!(stale.error.code(), Code::RxVersionConflict);
        let before = rx.signing_digest(3, now).expect("digest");
        let draft = rx.amend(&fixture::doctor(), 1, now).expect("amended");
        assert_eq!(draft.version(), 2);
        assert_ne!(draft.signing_digest(3, now).expect("digest"), before);
        let any = Prescription::from(draft);
        assert!(any.signing().is_none() && any.issue().is_none());
    }

    #[test]
    fn insisting_takes_a_reason_and_a_second_signature() {
        let confirm = |why: &str, signer: &Actor, under: &str| {
            let (rx, now) = at::<Returned>(RxState::Returned);
            let digest = rx.confirmation_digest(under, now).expect("digest");
            let signature = fixture::sign(signer, &digest, now);
            rx.confirm(&fixture::doctor(), why.into(), signature, (&[], &[]), &fixture::Verifier, now)
                .err()
                .map(|refused| refused.error.code())
        };
        let doctor = fixture::doctor();
        assert_eq!(confirm("耐受良好", &doctor, "耐受良好"), None);
        assert_eq!(confirm(" ", &doctor, " "), Some(Code::RxSecondSign));
        assert_eq!(confirm("耐受良好", &fixture::pharmacist(), "耐受良好"), Some(Code::RxSecondSign));
        assert_eq!(confirm("耐受良好", &doctor, "别的理由"), Some(Code::RxSignatureInvalid));
        let (rx, now) = at::<Returned>(RxState::Returned);
        let digest = rx.confirmation_digest("理由", now).expect("digest");
        let signature = fixture::sign(&doctor, &digest, now);
        let held =
            rx.confirm(&doctor, "理由".into(), signature, (&[fixture::hold_record()], &[]), &fixture::Verifier, now);
        assert_eq!(held.expect_err("on hold").error.code(), Code::EncRedFlag);
    }
}
