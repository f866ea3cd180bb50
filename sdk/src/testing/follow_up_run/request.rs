//! How requests and contacts end.

use super::{
    FollowUpRun,
    open::{Asked, ContactEnd},
};
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

    /// Somebody records how a contact ended. It is made again, under its code with `_RECONTACT`, as often as it says, also
    /// if the pathway has ended meanwhile, unless it was a mistake; of that the pathway is not told.
    ///
    /// # Panics
    /// If no such contact is open.
    #[track_caller]
    pub fn end_contact(&mut self, contact: &str, how: ContactEnd) -> Vec<Directive> {
        let told = self.open.end_contact(contact, how, self.now);
        if !told.unwrap_or_else(|| panic!("no open contact `{contact}`")) {
            return Vec::new();
        }
        let (end, outcome) = match how {
            ContactEnd::Safe => (RequestEnd::Fulfilled, "safe"),
            ContactEnd::HandedOver => (RequestEnd::Fulfilled, "handed_over"),
            ContactEnd::Mistaken => (RequestEnd::Declined, "mistaken"),
        };
        self.ended_request(contact.to_owned(), end, vec![Coding::new("urn:xinglin:contact-outcome", outcome)])
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
