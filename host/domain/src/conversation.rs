//! Messages between patient and staff in a visit: who may send them, when, and in which role.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    access::{Actor, Role},
    code::Code,
    encounter::{Encounter, EncounterState},
    id::{AccountId, BlobId, PatientId, VideoId},
    time::Instant,
};

/// Maximum length of a text, in characters.
pub const LONGEST_TEXT: usize = 4000;

/// The author of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "author_kind")]
pub enum Author {
    /// A person.
    Human {
        /// The account.
        account: AccountId,
        /// The role in which they write.
        role: Role,
    },
    /// A plugin.
    Plugin {
        /// Its id.
        plugin: String,
    },
    /// The host.
    System,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Content {
    /// Text.
    Text {
        /// Plain text.
        text: String,
    },
    /// An image, stored as an attachment of the patient's record.
    Image {
        /// The attachment.
        blob: BlobId,
    },
    /// A video meeting was opened, joined or ended.
    Video {
        /// The meeting.
        video: VideoId,
        /// What happened.
        event: VideoEvent,
        /// The account that did it.
        by: AccountId,
    },
}

/// An event of a video meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum VideoEvent {
    Opened,
    Joined,
    Ended,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The author.
    #[serde(flatten)]
    pub author: Author,
    /// The content.
    #[serde(flatten)]
    pub content: Content,
}

/// Why a message is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConversationError {
    /// The visit is stopped by a red flag.
    #[error("a danger sign stopped the visit; the patient must be seen in person")]
    RedFlag,
    /// The visit is not in progress.
    #[error("the visit is {0}")]
    State(EncounterState),
    /// The author lacks the role in which they write.
    #[error("this account does not speak as {0}")]
    Impersonation(&'static str),
    /// The author takes no part in this visit.
    #[error("this account has no part in the visit")]
    Stranger,
    /// The text is empty or too long.
    #[error("a text has 1 to {LONGEST_TEXT} characters")]
    Text,
    /// No such meeting is open.
    #[error("there is no such meeting, or it has ended")]
    Meeting,
}

impl ConversationError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::RedFlag => Code::EncRedFlag,
            Self::State(_) | Self::Meeting => Code::EncState,
            Self::Impersonation(_) => Code::AuthImpersonation,
            Self::Stranger => Code::AuthForbidden,
            Self::Text => Code::BodyInvalid,
        }
    }
}

impl Content {
    /// Checks the content.
    ///
    /// # Errors
    /// If a text is empty or too long.
    pub fn check(&self) -> Result<(), ConversationError> {
        match self {
            Self::Text { text } if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT => {
                Err(ConversationError::Text)
            }
            _ => Ok(()),
        }
    }
}

/// The author that an actor is in a visit, if they may write now: the patient while it is in
/// progress, staff also after a red flag stopped it. A role must be in force at this moment;
/// `wanted` selects one of several.
///
/// # Errors
/// If they may not.
pub fn speak(visit: &Encounter, by: &Actor, wanted: Option<Role>, at: Instant) -> Result<Author, ConversationError> {
    let role = role_of(by, visit.patient(), wanted, at)?;
    match (visit, role) {
        (Encounter::Accepted(_), _) => {}
        (Encounter::Stopped(_), Role::Patient) => return Err(ConversationError::RedFlag),
        (Encounter::Stopped(_), _) => {}
        (visit, _) => return Err(ConversationError::State(visit.state())),
    }
    Ok(Author::Human { account: by.account, role })
}

fn role_of(by: &Actor, patient: PatientId, wanted: Option<Role>, at: Instant) -> Result<Role, ConversationError> {
    /// Roles of staff, the most relevant first.
    const STAFF: [(Role, &str); 5] = [
        (Role::Doctor, "a doctor"),
        (Role::Pharmacist, "a pharmacist"),
        (Role::Psychotherapist, "a psychotherapist"),
        (Role::Nurse, "a nurse"),
        (Role::HealthManager, "a health manager"),
    ];
    let live = by.live_roles(at);
    let is = |role: Role| if role == Role::Patient { by.acts_for(patient) } else { live.contains(&role) };
    match wanted {
        Some(role) if is(role) && (role == Role::Patient || STAFF.iter().any(|(staff, _)| *staff == role)) => Ok(role),
        Some(role) => {
            let named = STAFF.iter().find(|(staff, _)| *staff == role).map_or("that", |(_, name)| name);
            Err(ConversationError::Impersonation(if role == Role::Patient { "the patient" } else { named }))
        }
        None if is(Role::Patient) => Ok(Role::Patient),
        None => STAFF.iter().map(|(role, _)| *role).find(|role| is(*role)).ok_or(ConversationError::Stranger),
    }
}

/// The open meeting, if any, computed from all messages in order.
pub fn open_meeting<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Option<VideoId> {
    let mut open = None;
    for message in messages {
        match message.content {
            Content::Video { video, event: VideoEvent::Opened, .. } => open = Some(video),
            Content::Video { video, event: VideoEvent::Ended, .. } if open == Some(video) => open = None,
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        encounter::{Accepted, Finder, Visit},
        fixture::{self, NOW},
    };

    fn visit() -> Visit<Accepted> {
        let (rules, doctor) = (fixture::encounter_rules(), fixture::doctor());
        let visit = Visit::request_by(&fixture::patient(), fixture::request(), &rules, NOW).expect("requested");
        let digest = visit.decision_digest(doctor.account, &fixture::decision(), NOW).expect("a digest");
        let signature = fixture::sign(&doctor, &digest, NOW);
        visit
            .accept(&doctor, fixture::decision(), (signature, &fixture::Verifier), None, &rules, NOW)
            .expect("accepted")
    }

    fn code(visit: &Encounter, by: &Actor, wanted: Option<Role>) -> Result<Role, Code> {
        match speak(visit, by, wanted, NOW) {
            Ok(Author::Human { account, role }) if account == by.account => Ok(role),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.code()),
        }
    }

    #[test]
    fn a_danger_sign_silences_the_patient_and_the_end_everybody() {
        let (patient, doctor, pharmacist) = (fixture::patient(), fixture::doctor(), fixture::pharmacist());
        let open = Encounter::from(visit());
        for (by, role) in [(&patient, Role::Patient), (&doctor, Role::Doctor), (&pharmacist, Role::Pharmacist)] {
            assert_eq!(code(&open, by, None), Ok(role));
        }
        let stopped = visit().stop(Finder::Plugin("xinglin.mental"), "SUICIDAL_INTENT".into(), NOW).expect("stopped");
        let stopped = Encounter::from(stopped);
        assert_eq!(code(&stopped, &patient, None), Err(Code::EncRedFlag));
        assert_eq!(code(&stopped, &doctor, None), Ok(Role::Doctor), "somebody tells the patient where to go");
        let closed = Encounter::from(visit().close(&doctor, NOW).expect("closed"));
        let rules = fixture::encounter_rules();
        let asked = Visit::request_by(&patient, fixture::request(), &rules, NOW).expect("requested");
        for visit in [closed, Encounter::from(asked)] {
            for by in [&patient, &doctor] {
                assert_eq!(code(&visit, by, None), Err(Code::EncState));
            }
        }
    }

    #[test]
    fn nobody_speaks_as_what_they_are_not() {
        let open = Encounter::from(visit());
        let (patient, pharmacist, mut doctor) = (fixture::patient(), fixture::pharmacist(), fixture::doctor());
        assert_eq!(code(&open, &pharmacist, Some(Role::Doctor)), Err(Code::AuthImpersonation));
        assert_eq!(code(&open, &patient, Some(Role::Doctor)), Err(Code::AuthImpersonation));
        assert_eq!(code(&open, &doctor, Some(Role::Patient)), Err(Code::AuthImpersonation));
        assert_eq!(code(&open, &fixture::stranger(), None), Err(Code::AuthForbidden), "another patient");
        assert_eq!(code(&open, &fixture::stranger(), Some(Role::Patient)), Err(Code::AuthImpersonation));
        fixture::suspend(&mut doctor, NOW);
        assert_eq!(code(&open, &doctor, Some(Role::Doctor)), Err(Code::AuthImpersonation), "a licence is live or none");
        assert_eq!(code(&open, &doctor, None), Err(Code::AuthForbidden));
    }

    fn video(number: u128, event: VideoEvent) -> Message {
        let video = VideoId::from_u128(number);
        let by = AccountId::from_u128(1);
        Message { author: Author::System, content: Content::Video { video, event, by } }
    }

    #[test]
    fn a_message_reads_as_it_is_written() {
        let author = Author::Human { account: AccountId::from_u128(1), role: Role::Nurse };
        let message = Message { author, content: Content::Text { text: "你好".to_owned() } };
        let json = serde_json::to_value(&message).expect("JSON");
        assert_eq!(
            (&json["author_kind"], &json["kind"], &json["role"]),
            (&"human".into(), &"text".into(), &"nurse".into())
        );
        assert_eq!(serde_json::from_value::<Message>(json).expect("a message"), message);
        assert!(Content::Text { text: " ".to_owned() }.check().is_err());
        assert!(Content::Text { text: "x".repeat(LONGEST_TEXT + 1) }.check().is_err());
        assert!(Content::Text { text: "药".repeat(LONGEST_TEXT) }.check().is_ok());
    }

    #[test]
    fn a_meeting_is_open_until_it_is_ended() {
        use VideoEvent::{Ended, Joined, Opened};
        let (one, two) = (Some(VideoId::from_u128(1)), Some(VideoId::from_u128(2)));
        assert_eq!(open_meeting(&[]), None);
        assert_eq!(open_meeting(&[video(1, Opened), video(1, Joined)]), one);
        assert_eq!(open_meeting(&[video(1, Opened), video(1, Ended), video(1, Joined)]), None);
        assert_eq!(open_meeting(&[video(1, Opened), video(2, Opened), video(1, Ended)]), two);
    }
}
