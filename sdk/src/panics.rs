//! A panic of a guest is a trap, and a trap has no message. A plugin with the
//! capability `log` logs message and location before the trap. Others have no
//! additional import: `#[plugin]` exports the plugin through [`Loud`] only if its manifest
//! requests `log`.

use std::{marker::PhantomData, panic};

use crate::{
    clinical::Snapshot,
    log,
    pathway::{self, Pathway},
    payment::{self, Payer},
    prescribing::{self, Review},
    time::Instant,
    verifier::{self, Verifier},
};

fn install() {
    panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("no message");
        match info.location() {
            Some(at) => log::error(format_args!("panicked at {}:{}: {message}", at.file(), at.line())),
            None => log::error(format_args!("panicked: {message}")),
        }
    }));
}

/// The same plugin, with its panics logged.
pub struct Loud<P>(PhantomData<P>);

impl<P: Pathway> Pathway for Loud<P> {
    fn describe() -> pathway::Definition {
        install();
        P::describe()
    }

    fn screen(snapshot: Snapshot, now: Instant) -> Result<pathway::Eligibility, pathway::Error> {
        install();
        P::screen(snapshot, now)
    }

    fn step(
        state: Option<pathway::State>,
        event: pathway::Event,
        snapshot: Snapshot,
        now: Instant,
    ) -> Result<pathway::Outcome, pathway::Error> {
        install();
        P::step(state, event, snapshot, now)
    }
}

impl<P: Review> Review for Loud<P> {
    fn review(
        order: prescribing::Order,
        snapshot: Snapshot,
        now: Instant,
    ) -> Result<prescribing::Verdict, prescribing::Error> {
        install();
        P::review(order, snapshot, now)
    }
}

impl<P: Verifier> Verifier for Loud<P> {
    fn verify_person(person: verifier::Person, now: Instant) -> Result<verifier::Outcome, verifier::Error> {
        install();
        P::verify_person(person, now)
    }

    fn verify_credential(credential: verifier::Credential, now: Instant) -> Result<verifier::Outcome, verifier::Error> {
        install();
        P::verify_credential(credential, now)
    }
}

impl<P: Payer> Payer for Loud<P> {
    fn quote(
        bill: payment::Bill,
        coverage: payment::Coverage,
        now: Instant,
    ) -> Result<payment::Quoted, payment::Error> {
        install();
        P::quote(bill, coverage, now)
    }

    fn authorize(
        operation: payment::Operation,
        bill: payment::Bill,
        coverage: payment::Coverage,
    ) -> Result<payment::Authorized, payment::Error> {
        install();
        P::authorize(operation, bill, coverage)
    }

    fn settle(
        operation: payment::Operation,
        authorization: payment::Authorization,
        bill: payment::Bill,
        coverage: payment::Coverage,
    ) -> Result<payment::Settled, payment::Error> {
        install();
        P::settle(operation, authorization, bill, coverage)
    }

    fn query(operation: payment::Operation) -> Result<payment::Status, payment::Error> {
        install();
        P::query(operation)
    }

    fn reverse(
        operation: payment::Operation,
        settlement: payment::Settlement,
        coverage: payment::Coverage,
    ) -> Result<payment::Reversed, payment::Error> {
        install();
        P::reverse(operation, settlement, coverage)
    }
}
