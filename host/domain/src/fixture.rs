//! Shared test fixtures. Each is valid; a test changes the one thing that it is about.

use std::collections::BTreeSet;

use crate::{
    access::{Actor, Role, Title},
    billing::Told,
    canonical::Digest,
    clinical::{Allergy, Criticality},
    coding::{Citation, Coding, Decimal, LocalizedText, Quantity, Translation, system},
    encounter::{self, Decision, Evidence, EvidenceKind, FollowUp, IdentityCheck, Request, Visit},
    enrolment::{Enrolment, HoldRecord},
    id::{AccountId, CertificateId, EncounterId, EnrolmentId, HoldId, PatientId, RelationId, TenantId},
    identity::{self, Decider, Level, Verdict},
    money::Money,
    pathway::{Alert, Definition, Directive, Hold, Outcome, Questionnaire, Reason, ReleaseBy, Stage, State},
    payer::{self, Accumulator, Adjudication, Bill, Coverage, LineKind, LineResult, Part, Source},
    practice::{Bar, Basis, Certificate, Document, Filing, FilingState, Kind, Practice, Suspension},
    prescription::{Medicine, Rules, Supply},
    relation::{self, Ground, Guardianship, Relation, Tie},
    review::{Finding, Line, Severity},
    signature::{AuthorKind, Signature, VerifySignature},
    time::Instant,
};

/// 2026-11-21T02:13:20Z.
pub const NOW: Instant = Instant::from_micros(1_795_227_200_000_000);
pub const PATIENT: PatientId = PatientId::from_u128(1);

/// The document of a certificate of the kind.
pub fn document(kind: Kind) -> Document {
    match kind {
        Kind::IdentityCard => Document::IdentityCard {},
        Kind::DoctorQualification => Document::DoctorQualification {},
        Kind::DoctorPractice => Document::DoctorPractice {
            scope: vec!["内科专业".into()],
            institution: "市第一人民医院".into(),
            since: NOW.minus_years(10),
        },
        Kind::DoctorTitle => Document::DoctorTitle { rank: Title::Middle },
        Kind::PharmacyTitle => Document::PharmacyTitle { rank: Title::Middle },
        Kind::LicensedPharmacist => Document::LicensedPharmacist {},
        Kind::NurseRegistration => Document::NurseRegistration { institution: "市第一人民医院".into() },
        Kind::PsychotherapistTitle => Document::PsychotherapistTitle { rank: Title::Middle },
        Kind::CounsellorBar => Document::CounsellorBar { charged_hours: 500 },
        Kind::EmployerProof => Document::EmployerProof { employer: "杏林".into() },
    }
}

/// Verified earlier, and in force.
pub fn certificate(kind: Kind) -> Certificate {
    let (id, from, until) = (CertificateId::from_u128(kind as u128), NOW.plus_days(-1000), NOW.plus_days(1000));
    let mut made = Certificate::submitted(id, document(kind), String::new(), "发证机关".into(), from, Some(until));
    let by = Decider::person(AccountId::from_u128(9), "seen").expect("a reason");
    let verdict = Verdict::Verified { level: Level::Substantial, until: None };
    made.decide(identity::Decision { by, at: NOW.plus_days(-900), verdict }).expect("open");
    made
}

/// One certificate for each row of the table, and a filing.
pub fn practice(role: Role) -> Practice {
    let filing = Filing {
        tenant: TenantId::from_u128(1),
        basis: Basis::MultiSite,
        from: NOW.plus_days(-900),
        until: None,
        state: FilingState::InForce,
    };
    Practice {
        certificates: role.needs().iter().map(|kinds| certificate(kinds[0])).collect(),
        filings: if role.is_filed() { vec![filing] } else { vec![] },
        bar: Bar::LAW,
    }
}

/// Suspends all certificates of the actor from then on.
pub fn suspend(actor: &mut Actor, since: Instant) {
    let suspension = || Suspension { since, by: AccountId::from_u128(9), reason: "complaint".into() };
    actor.practice.certificates.iter_mut().for_each(|one| one.suspend(suspension()));
}

/// Ends all certificates of the actor by then.
pub fn lapse(actor: &mut Actor, at: Instant) {
    actor.practice.certificates.iter_mut().for_each(|one| one.valid_until = Some(at));
}

fn actor(account: u128, role: Role) -> Actor {
    Actor {
        account: AccountId::from_u128(account),
        tenant: TenantId::from_u128(1),
        roles: vec![role],
        practice: practice(role),
        patients: vec![],
        wards: vec![],
        relatives: vec![],
    }
}

pub fn doctor() -> Actor {
    actor(1, Role::Doctor)
}

pub fn pharmacist() -> Actor {
    actor(2, Role::Pharmacist)
}

pub fn technician() -> Actor {
    actor(3, Role::PharmacyTechnician)
}

pub fn patient() -> Actor {
    Actor { patients: vec![PATIENT], ..actor(4, Role::Patient) }
}

pub fn accountant() -> Actor {
    actor(9, Role::Accountant)
}

pub fn courier() -> Actor {
    actor(10, Role::Courier)
}

pub fn stranger() -> Actor {
    Actor { patients: vec![PatientId::from_u128(2)], ..actor(5, Role::Patient) }
}

pub fn nurse() -> Actor {
    actor(11, Role::Nurse)
}

/// Verifies keyed hashes instead of signatures: one signer, one digest.
pub struct Verifier;

fn seal(signer: AccountId, digest: &Digest) -> String {
    Digest::of_bytes(format!("{signer} {digest}").as_bytes()).to_string()
}

impl VerifySignature for Verifier {
    fn verify(&self, digest: &Digest, signature: &Signature) -> bool {
        signature.value == seal(signature.signer, digest)
    }
}

pub fn sign(by: &Actor, digest: &Digest, at: Instant) -> Signature {
    Signature { signer: by.account, key_id: "k1".into(), algorithm: "test".into(), value: seal(by.account, digest), at }
}

pub fn text(zh: &str) -> LocalizedText {
    LocalizedText(vec![Translation { language: "zh-CN".into(), text: zh.into() }])
}

pub fn citation() -> Citation {
    Citation { title: "中国2型糖尿病防治指南".into(), section: None, year: 2020, url: None }
}

/// A guardian of a minor.
pub fn guardianship(patient: PatientId, born: Instant) -> Guardianship {
    let relation = Relation {
        id: RelationId::from_u128(1),
        patient,
        person: AccountId::from_u128(6),
        terms: relation::Terms {
            kind: relation::Kind::Guardian,
            tie: Tie::Mother,
            ground: Some(Ground::Parent),
            evidence: None,
            from: NOW,
            until: None,
        },
        confirmed_by: AccountId::from_u128(7),
        confirmed: NOW,
        revoked: None,
    };
    relation.guards(Some(born), NOW).expect("a guardian")
}

// --- the visit ------------------------------------------------------------------

pub fn encounter_rules() -> encounter::Rules {
    encounter::Rules::new(Digest::of_bytes(b"consent, second edition"))
}

pub fn request() -> Request {
    Request {
        id: EncounterId::from_u128(1),
        patient: PATIENT,
        born: Instant::parse("1970-05-01").expect("date"),
        identity: IdentityCheck { document_matches: true, face_per_mille: 950 },
        real_name: identity::RealName::Decided(identity::Decision {
            by: Decider::person(AccountId::from_u128(9), "seen").expect("a reason"),
            at: NOW.plus_days(-1),
            verdict: Verdict::Verified { level: Level::Substantial, until: None },
        }),
        consent: Some(encounter_rules().consent),
        evidence: vec![Evidence {
            kind: EvidenceKind::OutpatientRecord,
            diagnoses: vec![Coding::new(system::ICD10, "E11.9")],
            issued: NOW.plus_days(-30),
            institution: "市第一人民医院".into(),
            document: Digest::of_bytes(b"scan"),
        }],
    }
}

pub fn decision() -> Decision {
    Decision {
        diagnoses: vec![Coding::new(system::ICD10, "E11.9")],
        new_diagnosis_reason: None,
        accompaniment: None,
        author: AuthorKind::Human,
    }
}

/// A follow-up in progress, of an accepted visit.
pub fn follow_up(encounter: EncounterId) -> FollowUp {
    let request = Request { id: encounter, ..request() };
    let visit = Visit::request_by(&patient(), request, &encounter_rules(), NOW).expect("request");
    let digest = visit.decision_digest(doctor().account, &decision(), NOW).expect("digest");
    let signature = sign(&doctor(), &digest, NOW);
    let visit =
        visit.accept(&doctor(), decision(), (signature, &Verifier), None, &encounter_rules(), NOW).expect("accept");
    visit.follow_up(None, NOW).expect("a follow-up")
}

// --- the prescription -----------------------------------------------------------

pub fn rules() -> Rules {
    Rules::national().expect("rules")
}

fn milligrams(amount: i64) -> Quantity {
    Quantity { value: Decimal::whole(amount), unit: "mg".into() }
}

/// 500 mg twice a day for a week, out of a box of sixty.
pub fn medicine(code: &str) -> Medicine {
    Medicine {
        line: Line {
            number: 1,
            code: vec![Coding::new("urn:test", code)],
            ingredients: vec![],
            dose: milligrams(500),
            doses_per_day: Decimal::whole(2),
            days: 7,
            route: None,
            attributes: vec![],
        },
        supply: Supply { packs: 1, pack: milligrams(30_000) },
        classes: BTreeSet::new(),
        item: String::new(),
        title: String::new(),
    }
}

pub fn metformin() -> Medicine {
    let mut medicine = medicine("metformin-500mg-60");
    medicine.line.ingredients = vec![Coding::new(system::ATC, "A10BA02")];
    medicine
}

pub fn allergy(substance: Coding) -> Allergy {
    Allergy { substance: vec![substance], criticality: Criticality::High, recorded: None, attributes: vec![] }
}

pub fn finding(code: &str) -> Finding {
    Finding {
        code: code.into(),
        severity: Severity::Warning,
        message: text("注意"),
        suggestion: LocalizedText::default(),
        lines: vec![],
        citation: citation(),
        attributes: vec![],
    }
}

// --- the pathway ----------------------------------------------------------------

pub fn reason(code: &str) -> Reason {
    Reason { code: code.into(), message: text("原因"), citation: citation() }
}

pub fn definition() -> Definition {
    Definition {
        code: "diabetes-t2".into(),
        title: text("2型糖尿病"),
        conditions: vec![Coding::new(system::ICD10, "E11")],
        stages: vec![Stage { code: "active".into(), title: text("管理中") }],
        questionnaires: vec![Questionnaire {
            code: "glucose".into(),
            title: text("血糖"),
            items: vec![],
            scores: vec![],
            safeguards: vec![],
            citation: None,
        }],
        data_needs: vec![],
        state_version: 1,
        attributes: vec![],
        follows_up: false,
    }
}

pub fn outcome(directives: Vec<Directive>) -> Outcome {
    Outcome { state: State { version: 1, data: vec![1, 2, 3] }, stage: "active".into(), directives }
}

pub fn enrolment() -> Enrolment {
    Enrolment {
        id: EnrolmentId::from_u128(1),
        patient: PATIENT,
        plugin: "xinglin.diabetes".into(),
        pathway: "diabetes-t2".into(),
        enrolled_by: doctor().account,
        enrolled: NOW,
        stage: "active".into(),
        state: None,
        ended: None,
    }
}

pub fn alert() -> Alert {
    Alert {
        code: "GLUCOSE_HIGH".into(),
        severity: Severity::Critical,
        message: text("血糖过高"),
        owner: crate::pathway::Role::Doctor,
        sla_minutes: 15,
        escalation: vec![],
        citation: citation(),
    }
}

pub fn hold() -> Hold {
    Hold {
        code: "GLUCOSE_CRITICAL".into(),
        stops: crate::pathway::all_acts(),
        medicines: vec![],
        reason: text("血糖危急"),
        release: ReleaseBy::Doctor,
        citation: citation(),
    }
}

pub fn hold_record() -> HoldRecord {
    HoldRecord {
        id: HoldId::from_u128(1),
        enrolment: enrolment().id,
        patient: PATIENT,
        hold: hold(),
        placed: NOW,
        released: None,
    }
}

// --- money ----------------------------------------------------------------------

pub const fn fen(amount: i64) -> Money {
    Money::fen(amount)
}

pub fn bill_of(lines: &[(LineKind, i64)]) -> Bill {
    let line = |(number, &(kind, gross)): (u32, &(LineKind, i64))| payer::Line {
        number,
        kind,
        code: vec![Coding::new("urn:test", format!("item-{number}"))],
        quantity: Decimal::whole(1),
        gross: fen(gross),
        attributes: vec![],
    };
    Bill {
        id: "bill-1".into(),
        served_at: NOW,
        diagnoses: vec![Coding::new(system::ICD10, "E11.9")],
        lines: (1..).zip(lines).map(line).collect(),
        prior: vec![],
        use_account: true,
        guarantees: std::collections::BTreeMap::new(),
        attributes: vec![],
    }
}

pub fn adjudication_of(bill: &Bill, parts: &[(Source, i64)]) -> Adjudication {
    let result = |line: &payer::Line| LineResult {
        number: line.number,
        self_funded: fen(0),
        over_limit: fen(0),
        pre_self_pay: fen(0),
        in_scope: line.gross,
        note: LocalizedText::default(),
    };
    Adjudication {
        lines: bill.lines.iter().map(result).collect(),
        parts: parts.iter().map(|&(source, amount)| Part { source, amount: fen(amount) }).collect(),
        accumulators: vec![Accumulator { code: "deductible-used".into(), amount: fen(50_000) }],
        citation: citation(),
        attributes: vec![],
        insured: None,
    }
}

/// A follow-up fee, metformin, dapagliflozin and test strips: 183.00 yuan.
pub fn bill() -> Bill {
    bill_of(&[
        (LineKind::Service, 2000),
        (LineKind::Medicine, 5000),
        (LineKind::Medicine, 6800),
        (LineKind::Material, 4500),
    ])
}

/// What a scheme was told of a patient who has used 450 of a deductible of 500 yuan.
pub fn told() -> Told {
    Told::Coverage(Coverage {
        member: "m".into(),
        category: Coding::new("urn:nhsa:insutype", "310"),
        valid_until: None,
        accumulators: vec![Accumulator { code: "deductible-used".into(), amount: fen(45_000) }],
        attributes: vec![],
    })
}

/// 55.50 from the fund, 60.00 from the account, 67.50 in cash.
pub fn adjudication() -> Adjudication {
    let parts = [(Source::BasicFund, 5550), (Source::PersonalAccount, 6000), (Source::Cash, 6750)];
    let mut adjudication = adjudication_of(&bill(), &parts);
    let dapagliflozin = &mut adjudication.lines[2];
    dapagliflozin.over_limit = fen(800);
    dapagliflozin.pre_self_pay = fen(600);
    dapagliflozin.in_scope = fen(5400);
    let strips = &mut adjudication.lines[3];
    strips.self_funded = fen(4500);
    strips.in_scope = fen(0);
    adjudication
}
