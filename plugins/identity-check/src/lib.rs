//! Verifies persons and certificates, as far as their documents
//! allow.
//!
//! For demonstration hospitals: no register is queried, so the level of assurance is that
//! of the evidence, never `high`. Each defect is a finding with its
//! source; all are returned together.

use xinglin_sdk::{
    plugin, settings,
    time::{Instant, plus_days},
    types::{Citation, LocalizedText, zh_en},
    verifier::{
        Credential, Error, Finding, Level, NumberFacts, Outcome, Person, Severity, Truth, Verification, Verifier,
    },
};

/// The verifier.
#[plugin(verifier)]
pub struct IdentityCheck;

/// Certificates that this plugin has rules for.
const KINDS: [&str; 10] = [
    "identity_card",
    "doctor_qualification",
    "doctor_practice",
    "doctor_title",
    "pharmacy_title",
    "licensed_pharmacist",
    "nurse_registration",
    "psychotherapist_title",
    "counsellor_bar",
    "employer_proof",
];

impl Verifier for IdentityCheck {
    fn verify_person(person: Person, now: Instant) -> Result<Outcome, Error> {
        match person.document.as_str() {
            "identity_card" => {}
            "" => {
                return Err(Error::MissingData(zh_en(
                    "档案中没有身份证件号码,无法核验。",
                    "The record holds no number of an identity document.",
                )));
            }
            other => return Err(Error::NotUnderstood(other.to_owned())),
        }
        let mut findings = number(&person.number);
        let shown = |kind: &str| {
            let all = person.evidence.iter().filter(|evidence| evidence.kind == kind);
            all.map(|evidence| i64::from(evidence.per_mille)).min()
        };
        let (face, matches) = (shown("face"), shown("name_and_number"));
        if matches.is_some_and(|matches| matches < 1000) {
            findings.push(finding(
                "NAME_NUMBER_MISMATCH",
                zh_en("姓名与证件号码不一致。", "Name and number do not belong together."),
                real_name(),
            ));
        }
        let bar = settings::integer("face-bar").unwrap_or(850);
        if let Some(face) = face.filter(|face| *face < bar) {
            findings.push(finding(
                "FACE_BELOW_BAR",
                zh_en(
                    format!("人脸相似度{face}‰,低于{bar}‰。"),
                    format!("The likeness of the face is {face}‰, below {bar}‰."),
                ),
                real_name(),
            ));
        }
        if !findings.is_empty() {
            return Ok(Outcome::Refused(findings));
        }
        let (Some(_), Some(_)) = (face, matches) else {
            return Err(Error::MissingData(zh_en(
                "缺少人脸比对或姓名号码比对结果。",
                "The face or the name was not compared with the document yet.",
            )));
        };
        let days = settings::integer("person-days").unwrap_or(365);
        let valid_until = Some(plus_days(now, days));
        Ok(Outcome::Verified(Verification { level: Level::Substantial, valid_until }))
    }

    fn verify_credential(credential: Credential, now: Instant) -> Result<Outcome, Error> {
        if !KINDS.contains(&credential.kind.as_str()) {
            return Err(Error::NotUnderstood(credential.kind));
        }
        let mut findings = number(&credential.number);
        if credential.valid_until.is_some_and(|until| now >= until) {
            findings.push(finding(
                "DOCUMENT_EXPIRED",
                zh_en("证件已过有效期。", "The document has expired."),
                practice(),
            ));
        }
        if credential.issued_on > now {
            findings.push(finding(
                "DOCUMENT_NOT_YET_VALID",
                zh_en("证件的签发日期在将来。", "The document says that it will be issued later."),
                practice(),
            ));
        }
        let issuers = settings::text("issuers").unwrap_or_default();
        let mut issuers = issuers.split([';', '；']).map(str::trim).filter(|issuer| !issuer.is_empty());
        if !issuers.any(|issuer| credential.issued_by.trim().ends_with(issuer)) {
            findings.push(finding(
                "ISSUER_UNKNOWN",
                zh_en(
                    format!("发证机关“{}”不在认可名单内。", credential.issued_by),
                    format!("“{}” is not among the issuers that count here.", credential.issued_by),
                ),
                practice(),
            ));
        }
        if credential.kind == "doctor_practice" {
            let years = settings::integer("practice-years").unwrap_or(3);
            let claimed = i64::from(credential.practice_months.unwrap_or(0));
            if claimed < years * 12 {
                findings.push(finding(
                    "PRACTICE_TOO_SHORT",
                    zh_en(
                        format!("独立临床工作满{}年{}个月,不足{years}年。", claimed / 12, claimed % 12),
                        format!(
                            "{} years and {} months of independent clinical work; {years} years are asked for.",
                            claimed / 12,
                            claimed % 12
                        ),
                    ),
                    Citation::new("互联网诊疗管理办法（试行）", 2018).section("第二十五条"),
                ));
            }
        }
        if !findings.is_empty() {
            return Ok(Outcome::Refused(findings));
        }
        // A number that is tied to its holder gives a higher level than an unknown one.
        let level = match credential.number.holder {
            Truth::Holds => Level::Substantial,
            Truth::Fails | Truth::Unknown => Level::Basic,
        };
        Ok(Outcome::Verified(Verification { level, valid_until: credential.valid_until }))
    }
}

/// Findings on a number itself.
fn number(facts: &NumberFacts) -> Vec<Finding> {
    let standard = || Citation::new("公民身份号码 GB 11643", 1999);
    let rules: [(Truth, &str, &str, &str); 5] = [
        (
            facts.form,
            "NUMBER_MALFORMED",
            "证件号码的位数或字符不符合规定。",
            "The number has not the form of its kind.",
        ),
        (facts.checksum, "NUMBER_CHECKSUM", "证件号码的校验码不正确。", "The check character of the number is wrong."),
        (facts.region, "NUMBER_REGION", "证件号码的地区码不存在。", "The number begins with no known region."),
        (
            facts.birth,
            "BIRTH_DATE_MISMATCH",
            "证件号码中的出生日期与档案不一致。",
            "The day of birth in the number is not that of the record.",
        ),
        (
            facts.holder,
            "HOLDER_MISMATCH",
            "证件号码与本人身份证号码不一致。",
            "The number is not that of the holder's identity card.",
        ),
    ];
    let wrong = rules.into_iter().filter(|(truth, ..)| *truth == Truth::Fails);
    wrong.map(|(_, code, zh, en)| finding(code, zh_en(zh, en), standard())).collect()
}

fn real_name() -> Citation {
    Citation::new("互联网诊疗监管细则（试行）", 2022)
}

fn practice() -> Citation {
    Citation::new("互联网诊疗监管细则（试行）", 2022)
}

fn finding(code: &str, message: LocalizedText, citation: Citation) -> Finding {
    Finding { code: code.to_owned(), severity: Severity::Critical, message, citation, attributes: Vec::new() }
}
