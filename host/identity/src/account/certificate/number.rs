//! Certificate numbers, stored encrypted with a keyed hash for lookup.

use serde::Deserialize;
use utoipa::ToSchema;
use xinglin_domain::{
    access::Title,
    code::Code,
    id::{AccountId, CertificateId, TenantId},
    practice::{Certificate, Document, Kind},
};
use xinglin_platform::{AppError, AppResult, Platform, ambient, boxed, keys::Place, standing::Standing};
use xinglin_store::{CertificateNumber, TenantTx};

/// A submitted certificate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// `identity_card`, `doctor_qualification`, `doctor_practice`, `doctor_title`, `pharmacy_title`,
    /// `licensed_pharmacist`, `nurse_registration`, `psychotherapist_title`, `counsellor_bar` or `employer_proof`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Its number: 1 to 64 characters. Stored encrypted and never returned.
    pub number: String,
    /// Who issued it.
    pub issued_by: String,
    /// In force from this day on: `2026-01-01` or RFC 3339.
    pub issued_on: String,
    /// End of validity, exclusive; unlimited if left out.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// On a title, and there only: `junior`, `middle`, `associate_senior` or `senior`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub rank: Option<Title>,
    /// Specialities, on a doctor's practice certificate and there only.
    #[serde(default)]
    pub scope: Option<Vec<String>>,
    /// Main institution of a doctor, where a nurse is registered, or the employer.
    #[serde(default)]
    pub institution: Option<String>,
    /// Since when a doctor works independently.
    #[serde(default)]
    pub practising_since: Option<String>,
    /// Hours that a counsellor's clients paid for.
    #[serde(default)]
    pub charged_hours: Option<u32>,
}

/// The kind of sealed values: certificate numbers.
const SEALED: &str = "certificate";

/// The decrypted number of a certificate of an account.
pub(crate) fn number_of(
    platform: &Platform,
    tenant: TenantId,
    numbers: &[CertificateNumber],
    one: &Certificate,
) -> AppResult<String> {
    let found = numbers.iter().find(|number| number.kind == one.kind().as_str() && number.blind == one.number);
    let opened = found.and_then(|number| {
        let (owner, name) = (number.account.to_string(), format!("{}/{}", number.kind, number.blind));
        let place = Place { tenant, owner: &owner, kind: SEALED, name: &name };
        String::from_utf8(platform.keys().unseal(&place, &number.sealed)?).ok()
    });
    opened.ok_or_else(|| AppError::internal(format!("{}: its number cannot be opened", one.id)))
}

/// Submitted certificates, with their numbers encrypted separately.
pub(crate) fn certificates(
    platform: &Platform,
    tenant: TenantId,
    account: AccountId,
    new: Vec<NewCertificate>,
) -> AppResult<(Vec<Certificate>, Vec<CertificateNumber>)> {
    let (mut certificates, mut numbers) = (Vec::new(), Vec::new());
    for mut new in new {
        let number = new.number.trim().to_uppercase();
        let plain = plain(&number);
        if plain.is_empty() || number.chars().count() > 64 {
            return Err(wrong("number", "1 to 64 characters"));
        }
        if new.issued_by.trim().is_empty() {
            return Err(wrong("issued_by", "who issued it?"));
        }
        let (kind, day) = (new.kind.as_str(), |field: &str, text: &str| AppError::time(field, text));
        let blind = platform.keys().blind(tenant, &format!("{SEALED}/{kind}/{plain}"));
        let blind = hex::encode(&blind[..16]);
        let document = document(&mut new)?;
        let until = new.valid_until.as_deref().map(|until| day("certificates.valid_until", until)).transpose()?;
        let from = day("certificates.issued_on", &new.issued_on)?;
        let id = CertificateId::from_u128(ambient::fresh_id());
        certificates.push(Certificate::submitted(id, document, blind.clone(), new.issued_by, from, until));
        let mut row = CertificateNumber { kind: kind.to_owned(), blind, account, sealed: Vec::new() };
        row.sealed = seal_number(platform, tenant, &row, number.as_bytes());
        numbers.push(row);
    }
    Ok((certificates, numbers))
}

fn seal_number(platform: &Platform, tenant: TenantId, row: &CertificateNumber, number: &[u8]) -> Vec<u8> {
    let (owner, name) = (row.account.to_string(), format!("{}/{}", row.kind, row.blind));
    platform.keys().seal(&Place { tenant, owner: &owner, kind: SEALED, name: &name }, number)
}

/// Changes of certificate numbers with a change of an account.
pub enum Numbers {
    /// Nothing.
    Keep,
    /// The account holds these, unless another does.
    Claim(Vec<CertificateNumber>),
    /// The account holds these no longer, by kind and code.
    Release(Vec<(Kind, String)>),
}

impl Numbers {
    /// A rejected certificate releases its number, unless another certificate of the account
    /// has it too.
    pub fn release(standing: &Standing, decided: &[CertificateId]) -> Self {
        let key = |one: &Certificate| (one.kind(), one.number.clone());
        let all = &standing.certificates;
        let kept: Vec<_> = all.iter().filter(|one| !one.is_rejected()).map(key).collect();
        let gone = all.iter().filter(|one| decided.contains(&one.id)).map(key).filter(|number| !kept.contains(number));
        Self::Release(gone.collect())
    }

    /// In the transaction of the change.
    ///
    /// # Errors
    /// `CRED_NUMBER_TAKEN` if another account holds one.
    #[boxed]
    pub async fn write(self, tx: &TenantTx, account: AccountId) -> AppResult<()> {
        match self {
            Self::Keep => {}
            Self::Claim(numbers) => {
                for number in numbers {
                    if !tx.claim_certificate_number(&number).await? {
                        let detail = format!("another account holds a `{}` of this number", number.kind);
                        return Err(AppError::new(Code::CredNumberTaken, detail).with("kind", number.kind));
                    }
                }
            }
            Self::Release(numbers) => {
                for (kind, blind) in numbers {
                    tx.release_certificate_number(account, kind.as_str(), &blind).await?;
                }
            }
        }
        Ok(())
    }
}

/// A number in normal form for comparison: without spaces and hyphens, in half width.
fn plain(number: &str) -> String {
    let narrow = |c: char| match c {
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        other => other,
    };
    number.chars().map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

fn wrong(field: &str, why: &str) -> AppError {
    let path = format!("certificates.{field}");
    AppError::new(Code::BodyInvalid, format!("{path}: {why}")).with("path", path)
}

/// The members specific to this kind of certificate; those of other kinds are refused.
fn document(new: &mut NewCertificate) -> AppResult<Document> {
    fn taken<T>(field: &str, value: &mut Option<T>) -> AppResult<T> {
        value.take().ok_or_else(|| wrong(field, "belongs on this kind of certificate"))
    }
    fn words(field: &str, value: &mut Option<String>) -> AppResult<String> {
        let text = taken(field, value)?;
        if text.trim().is_empty() { Err(wrong(field, "is empty")) } else { Ok(text) }
    }
    let document = match new.kind {
        Kind::IdentityCard => Document::IdentityCard {},
        Kind::DoctorQualification => Document::DoctorQualification {},
        Kind::DoctorPractice => Document::DoctorPractice {
            scope: taken("scope", &mut new.scope)?,
            institution: words("institution", &mut new.institution)?,
            since: AppError::time(
                "certificates.practising_since",
                &words("practising_since", &mut new.practising_since)?,
            )?,
        },
        Kind::DoctorTitle => Document::DoctorTitle { rank: taken("rank", &mut new.rank)? },
        Kind::PharmacyTitle => Document::PharmacyTitle { rank: taken("rank", &mut new.rank)? },
        Kind::LicensedPharmacist => Document::LicensedPharmacist {},
        Kind::NurseRegistration => {
            Document::NurseRegistration { institution: words("institution", &mut new.institution)? }
        }
        Kind::PsychotherapistTitle => Document::PsychotherapistTitle { rank: taken("rank", &mut new.rank)? },
        Kind::CounsellorBar => {
            Document::CounsellorBar { charged_hours: taken("charged_hours", &mut new.charged_hours)? }
        }
        Kind::EmployerProof => Document::EmployerProof { employer: words("institution", &mut new.institution)? },
    };
    if matches!(&document, Document::DoctorPractice { scope, .. } if scope.is_empty()) {
        return Err(wrong("scope", "at least one speciality"));
    }
    let left = [
        ("rank", new.rank.is_some()),
        ("scope", new.scope.is_some()),
        ("institution", new.institution.is_some()),
        ("practising_since", new.practising_since.is_some()),
        ("charged_hours", new.charged_hours.is_some()),
    ];
    match left.into_iter().find(|(_, left)| *left) {
        Some((field, _)) => Err(wrong(field, "does not belong on this kind of certificate")),
        None => Ok(document),
    }
}
