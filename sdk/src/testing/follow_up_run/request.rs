//! How requests and contacts end.

use super::{FollowUpRun, open::Asked};
use crate::{
    Plugin,
    follow_up::{Directive, Event, FollowUp, RequestEnd, RequestReport},
    types::Coding,
};

const MOST_CODES: usize = 20;

impl<P: FollowUp + Plugin> FollowUpRun<P> {
    /// A referral was attended, tests were reported, a team has signed its plan; with the outcome in codes.
    ///
    /// # Panics
    /// If no such request is open, or it is a question, which ends when it is answered.
    #[track_caller]
    pub fn fulfil(&mut self, code: &str, outcome: Vec<Coding>) -> Vec<Directive> {
        assert!(outcome.len() <= MOST_CODES, "the outcome has more than {MOST_CODES} codes");
        let asked = self.open.requests.get(code).map(|request| &request.asked);
        assert!(!matches!(asked, Some(Asked::Question { .. })), "the question `{code}` ends when it is answered");
        self.end_request(code, RequestEnd::Fulfilled, outcome)
    }

    /// Staff or the patient turn a request down, also a question.
    ///
    /// # Panics
    /// If no such request is open.
    #[track_caller]
    pub fn turn_down(&mut self, code: &str) -> Vec<Directive> {
        self.end_request(code, RequestEnd::Declined, Vec::new())
    }

    /// Somebody has spoken with the patient; with how that ended in codes. It is made again as often as the contact says,
    /// also if the pathway has ended meanwhile.
    ///
    /// # Panics
    /// If no such contact is open.
    #[track_caller]
    pub fn spoke(&mut self, contact: &str, outcome: Vec<Coding>) -> Vec<Directive> {
        assert!(self.open.end_contact(contact, self.now), "no open contact `{contact}`");
        self.ended_request(contact.to_owned(), RequestEnd::Fulfilled, outcome)
    }

    #[track_caller]
    fn end_request(&mut self, code: &str, end: RequestEnd, outcome: Vec<Coding>) -> Vec<Directive> {
        assert!(self.open.requests.remove(code).is_some(), "no open request `{code}`");
        self.ended_request(code.to_owned(), end, outcome)
    }

    #[track_caller]
    pub(super) fn ended_request(&mut self, code: String, end: RequestEnd, outcome: Vec<Coding>) -> Vec<Directive> {
        self.tell(Event::RequestEnded(RequestReport { code, end, at: self.now, outcome }))
    }
}
