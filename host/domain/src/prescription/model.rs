//! Tests the machine against an independent table: every state and event is accepted if and only
//! if the table has a row for it.

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::{Event, RxState, journey::Journey};
use crate::code::Code;

/// Whether a row needs the validity to be running, or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Valid,
    Over,
    Always,
}

use Event as E;
use RxState as S;
use When::{Always, Over, Valid};

#[rustfmt::skip]
const TABLE: &[(RxState, Event, When, RxState)] = &[
    (S::Draft,         E::Edit,                  Always, S::Draft),
    (S::Draft,         E::Sign,                  Always, S::PendingReview),
    (S::Draft,         E::Abandon,               Always, S::Cancelled),
    (S::PendingReview, E::Approve,               Valid,  S::Effective),
    (S::PendingReview, E::Return,                Valid,  S::Returned),
    (S::PendingReview, E::Reject,                Valid,  S::Rejected),
    (S::Returned,      E::Amend,                 Valid,  S::Draft),
    (S::Returned,      E::Confirm,               Valid,  S::PendingReview),
    (S::PendingReview, E::Expire,                Over,   S::Expired),
    (S::Returned,      E::Expire,                Over,   S::Expired),
    (S::Effective,     E::Expire,                Over,   S::Expired),
    (S::PendingReview, E::Withdraw,              Valid,  S::Cancelled),
    (S::Returned,      E::Withdraw,              Valid,  S::Cancelled),
    (S::Effective,     E::Withdraw,              Valid,  S::Cancelled),
    (S::Effective,     E::Reserve,               Valid,  S::Reserved),
    (S::Effective,     E::ReadLeaflet,           Always, S::Effective),
    (S::Reserved,      E::Release,               Valid,  S::Effective),
    (S::Reserved,      E::Release,               Over,   S::Expired),
    (S::Reserved,      E::Dispense,              Valid,  S::Dispensed),
    (S::Reserved,      E::ReadLeaflet,           Always, S::Reserved),
    (S::Dispensed,     E::Ship,                  Always, S::Shipped),
    (S::Dispensed,     E::PickUp,                Always, S::Delivered),
    (S::Dispensed,     E::Refund,                Always, S::Refunded),
    (S::Dispensed,     E::ReportAdverseReaction, Always, S::Dispensed),
    (S::Dispensed,     E::ReadLeaflet,           Always, S::Dispensed),
    (S::Shipped,       E::Receive,               Always, S::Delivered),
    (S::Shipped,       E::Lose,                  Always, S::Refunded),
    (S::Shipped,       E::Reship,                Always, S::Shipped),
    (S::Shipped,       E::Refund,                Always, S::Refunded),
    (S::Shipped,       E::ReportAdverseReaction, Always, S::Shipped),
    (S::Shipped,       E::ReadLeaflet,           Always, S::Shipped),
    (S::Delivered,     E::Refund,                Always, S::Refunded),
    (S::Delivered,     E::Counsel,               Always, S::Closed),
    (S::Delivered,     E::ReportAdverseReaction, Always, S::Delivered),
    (S::Delivered,     E::ReadLeaflet,           Always, S::Delivered),
    (S::Closed,        E::Refund,                Always, S::Refunded),
    (S::Closed,        E::Renew,                 Always, S::Closed),
    (S::Closed,        E::ReportAdverseReaction, Always, S::Closed),
    (S::Closed,        E::ReadLeaflet,           Always, S::Closed),
    (S::Refunded,      E::ReadLeaflet,           Always, S::Refunded),
];

const EVENTS: &[Event] = &[
    E::Edit,
    E::Sign,
    E::Abandon,
    E::Approve,
    E::Return,
    E::Reject,
    E::Amend,
    E::Confirm,
    E::Expire,
    E::Withdraw,
    E::Reserve,
    E::Release,
    E::Dispense,
    E::Ship,
    E::PickUp,
    E::Receive,
    E::Lose,
    E::Reship,
    E::Refund,
    E::Counsel,
    E::ReportAdverseReaction,
    E::Renew,
    E::ReadLeaflet,
];

fn next(state: RxState, event: Event, over: bool) -> Option<RxState> {
    let now = if over { Over } else { Valid };
    TABLE
        .iter()
        .find(|(from, on, when, _)| *from == state && *on == event && (*when == Always || *when == now))
        .map(|(.., to)| *to)
}

/// Every state × every event × before and after the end of validity.
#[test]
fn accepted_if_and_only_if_in_the_table() {
    for &state in RxState::ALL {
        for over in [false, true] {
            let mut journey = Journey::to(state);
            if over {
                journey.pass_validity();
            }
            for &event in EVENTS {
                let reached = journey.take(event).ok().map(|journey| journey.rx.state());
                assert_eq!(reached, next(state, event, over), "{state} {event:?}, validity over: {over}");
            }
        }
    }
}

/// States that the law distinguishes have codes of their own.
#[test]
fn refusals_say_what_the_law_says() {
    let code = |state, event| Journey::to(state).take(event).expect_err("refused").code();
    for used in [S::Reserved, S::Dispensed, S::Shipped, S::Delivered, S::Closed, S::Refunded] {
        assert_eq!(code(used, E::Reserve), Code::RxAlreadyUsed, "{used}");
        assert_eq!(code(used, E::Withdraw), Code::RxAlreadyUsed, "{used}");
    }
    for used in [S::Dispensed, S::Shipped, S::Delivered, S::Closed, S::Refunded] {
        assert_eq!(code(used, E::Dispense), Code::RxAlreadyUsed, "{used}");
        assert_eq!(code(used, E::Release), Code::PayState, "{used}");
    }
    for early in [S::Draft, S::PendingReview, S::Returned] {
        assert_eq!(code(early, E::Reserve), Code::RxDrugBeforeRx, "{early}");
        assert_eq!(code(early, E::ReadLeaflet), Code::RxInfoHidden, "{early}");
    }
    for event in [E::Sign, E::Approve, E::Confirm, E::Reserve, E::Dispense] {
        assert_eq!(code(S::Expired, event), Code::RxExpired, "{event:?}");
    }
    assert_eq!(code(S::Rejected, E::Approve), Code::RxState);
    for (state, event) in [
        (S::PendingReview, E::Approve),
        (S::PendingReview, E::Return),
        (S::Returned, E::Confirm),
        (S::Returned, E::Amend),
        (S::Effective, E::Reserve),
        (S::Reserved, E::Dispense),
    ] {
        let mut late = Journey::to(state);
        late.pass_validity();
        assert_eq!(late.take(event).expect_err("late").code(), Code::RxExpired, "{state} {event:?}");
    }
}

#[derive(Debug, Clone, Copy)]
struct Model {
    state: RxState,
    over: bool,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Take(Event),
    PassValidity,
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self { state: S::Draft, over: false }).boxed()
    }

    /// Mostly events that the table allows, so that sequences get long; otherwise any.
    fn transitions(model: &Self) -> BoxedStrategy<Step> {
        let Self { state, over } = *model;
        let any = proptest::sample::select(EVENTS).prop_map(Step::Take);
        let open: Vec<Event> = EVENTS.iter().copied().filter(|&event| next(state, event, over).is_some()).collect();
        if open.is_empty() {
            return any.boxed();
        }
        let open = proptest::sample::select(open).prop_map(Step::Take);
        prop_oneof![6 => open, 3 => any, 1 => Just(Step::PassValidity)].boxed()
    }

    fn apply(Self { state, over }: Self, step: &Step) -> Self {
        match *step {
            // A draft has no validity yet, a cancelled draft never had any.
            Step::PassValidity => Self { state, over: over || !matches!(state, S::Draft | S::Cancelled) },
            Step::Take(event) => match next(state, event, over) {
                Some(S::Draft) => Self { state: S::Draft, over: false },
                Some(next) => Self { state: next, over },
                None => Self { state, over },
            },
        }
    }
}

struct Walk;

impl StateMachineTest for Walk {
    type SystemUnderTest = Journey;
    type Reference = Model;

    fn init_test(_: &Model) -> Journey {
        Journey::start()
    }

    fn apply(mut journey: Journey, _: &Model, step: Step) -> Journey {
        match step {
            Step::PassValidity => {
                journey.pass_validity();
                journey
            }
            Step::Take(event) => journey.take(event).unwrap_or(journey),
        }
    }

    fn check_invariants(journey: &Journey, model: &Model) {
        let rx = &journey.rx;
        assert_eq!(rx.state(), model.state);
        let handed_out = rx.supplied().is_some();
        assert!(!handed_out || rx.issue().is_some(), "nothing is handed out without two signatures");
        if let Some(issue) = rx.issue() {
            assert_ne!(issue.approval.by, rx.prescriber(), "nobody approves their own");
            assert_eq!(issue.signing.signature.signer, rx.prescriber());
        }
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn walks_agree_with_the_table(sequential 1..40 => Walk);
}
