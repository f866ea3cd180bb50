//! A panic of a guest is a trap, and a trap has no message. A plugin with the
//! capability `log` logs message and location before the trap. Others have no
//! additional import: `#[plugin]` exports the plugin through [`Loud`] only if its manifest
//! requests `log`.

use std::{marker::PhantomData, panic};

use crate::{
    capitation::{self, Capitation},
    clinical::Snapshot,
    follow_up::{
        self, FollowUp,
        migration::{self, Migration},
    },
    insurance::{
        self, Claim, Operation, Period, Policy,
        claims::{self, Claims},
        eligibility::{self, Eligibility},
        preauthorization::{self, Preauthorization},
        reconciliation::{self, Reconciliation},
    },
    log,
    panel::{self, Panel},
    pathway::{self, Pathway},
    payment::{self, Payer},
    prescribing::{self, Review},
    pricing::{self, Pricing},
    time::Instant,
    types::Money,
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

impl<P: FollowUp> FollowUp for Loud<P> {
    fn describe() -> follow_up::Definition {
        install();
        P::describe()
    }

    fn screen(snapshot: Snapshot, now: Instant) -> Result<follow_up::Eligibility, follow_up::Error> {
        install();
        P::screen(snapshot, now)
    }

    fn step(
        state: Option<follow_up::State>,
        event: follow_up::Event,
        snapshot: Snapshot,
        now: Instant,
    ) -> Result<follow_up::Outcome, follow_up::Error> {
        install();
        P::step(state, event, snapshot, now)
    }
}

impl<P: Migration> Migration for Loud<P> {
    fn migrate(state: follow_up::State, stage: String) -> Result<migration::Migrated, follow_up::Error> {
        install();
        P::migrate(state, stage)
    }
}

impl<P: Panel> Panel for Loud<P> {
    fn render(
        standing: panel::Standing,
        snapshot: Snapshot,
        viewer: panel::Viewer,
        now: Instant,
    ) -> Result<Vec<panel::Block>, panel::Error> {
        install();
        P::render(standing, snapshot, viewer, now)
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

impl<P: Eligibility> Eligibility for Loud<P> {
    fn check(claim: Claim, policy: Policy, now: Instant) -> Result<eligibility::Standing, insurance::Error> {
        install();
        P::check(claim, policy, now)
    }
}

impl<P: Preauthorization> Preauthorization for Loud<P> {
    fn submit(
        operation: Operation,
        claim: Claim,
        policy: Policy,
    ) -> Result<preauthorization::Decision, insurance::Error> {
        install();
        P::submit(operation, claim, policy)
    }

    fn status(
        operation: Operation,
        reference: Option<String>,
        now: Instant,
    ) -> Result<Option<preauthorization::Decision>, insurance::Error> {
        install();
        P::status(operation, reference, now)
    }

    fn cancel(
        operation: Operation,
        reference: String,
        policy: Policy,
    ) -> Result<preauthorization::Decision, insurance::Error> {
        install();
        P::cancel(operation, reference, policy)
    }
}

impl<P: Claims> Claims for Loud<P> {
    fn predetermine(claim: Claim, policy: Policy, now: Instant) -> Result<claims::Predetermined, insurance::Error> {
        install();
        P::predetermine(claim, policy, now)
    }

    fn submit(operation: Operation, claim: Claim, policy: Policy) -> Result<claims::Response, insurance::Error> {
        install();
        P::submit(operation, claim, policy)
    }

    fn status(
        operation: Operation,
        reference: Option<String>,
        now: Instant,
    ) -> Result<Option<claims::Response>, insurance::Error> {
        install();
        P::status(operation, reference, now)
    }

    fn cancel(operation: Operation, reference: String, policy: Policy) -> Result<claims::Response, insurance::Error> {
        install();
        P::cancel(operation, reference, policy)
    }

    fn appeal(
        operation: Operation,
        objection: claims::Objection,
        policy: Policy,
    ) -> Result<claims::Response, insurance::Error> {
        install();
        P::appeal(operation, objection, policy)
    }
}

impl<P: Reconciliation> Reconciliation for Loud<P> {
    fn compare(
        statement: reconciliation::Statement,
        now: Instant,
    ) -> Result<reconciliation::Comparison, insurance::Error> {
        install();
        P::compare(statement, now)
    }

    fn remittances(period: Period, now: Instant) -> Result<Vec<reconciliation::Remittance>, insurance::Error> {
        install();
        P::remittances(period, now)
    }
}

impl<P: Capitation> Capitation for Loud<P> {
    fn enrol(enrolment: capitation::Enrolment, now: Instant) -> Result<capitation::Enrolled, insurance::Error> {
        install();
        P::enrol(enrolment, now)
    }

    fn accrue(year: Period, months: Vec<capitation::MemberMonths>) -> Result<capitation::Budget, insurance::Error> {
        install();
        P::accrue(year, months)
    }

    fn consume(consumption: capitation::Consumption) -> Result<Money, insurance::Error> {
        install();
        P::consume(consumption)
    }

    fn score(year: Period, indicators: Vec<capitation::Indicator>) -> Result<capitation::Quality, insurance::Error> {
        install();
        P::score(year, indicators)
    }

    fn close(account: capitation::Account) -> Result<capitation::Closing, insurance::Error> {
        install();
        P::close(account)
    }
}

impl<P: Pricing> Pricing for Loud<P> {
    fn quote(service: pricing::Service, now: Instant) -> Result<pricing::Priced, insurance::Error> {
        install();
        P::quote(service, now)
    }

    fn cancel(purchase: pricing::Purchase, now: Instant) -> Result<pricing::Refund, insurance::Error> {
        install();
        P::cancel(purchase, now)
    }
}
