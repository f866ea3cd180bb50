//! Payment per head.

use async_recursion::async_recursion as boxed;
use std::borrow::Cow;

use xinglin_domain::{
    capitation as domain,
    insurance::{InsurerError, Period},
    money::Money,
    time::Instant,
};
use xinglin_plugin::Call;

use crate::{
    contract::payment::capitation::{
        Accrue, AccrueInput, Close, CloseInput, Consume, ConsumeInput, Enrol, EnrolInput, Score, ScoreInput,
    },
    engine::Runtime,
    host::state::CallContext,
    program::Plugin,
};

type Answer<T> = Result<T, InsurerError>;

/// Payment per head. Failure class: closed. Nothing is changed, and an answer that fails its checks in
/// [`xinglin_domain::capitation`] is `PLUGIN_OUTPUT`.
impl Runtime {
    /// Whether a patient's choice is accepted, and from when it counts.
    #[boxed]
    pub async fn enrol_member(
        &self,
        plugin: &Plugin,
        context: CallContext,
        enrolment: &domain::Enrolment,
        now: Instant,
    ) -> Call<Answer<domain::Enrolled>> {
        let input = EnrolInput { enrolment: Cow::Borrowed(enrolment), now };
        self.invoke::<Enrol>(plugin, context, input).await
    }

    /// Budget of the member-months since the beginning of the year.
    #[boxed]
    pub async fn accrue_budget(
        &self,
        plugin: &Plugin,
        context: CallContext,
        year: &Period,
        months: &[domain::MemberMonths],
    ) -> Call<Answer<domain::Budget>> {
        let input = AccrueInput { year: Cow::Borrowed(year), months: Cow::Borrowed(months) };
        self.invoke::<Accrue>(plugin, context, input).await
    }

    /// What of a settled bill is charged to the budget.
    #[boxed]
    pub async fn charge_budget(
        &self,
        plugin: &Plugin,
        context: CallContext,
        consumption: &domain::Consumption,
    ) -> Call<Answer<Money>> {
        let input = ConsumeInput { consumption: Cow::Borrowed(consumption) };
        self.invoke::<Consume>(plugin, context, input).await
    }

    /// The score of a year.
    #[boxed]
    pub async fn score_quality(
        &self,
        plugin: &Plugin,
        context: CallContext,
        year: &Period,
        indicators: &[domain::Indicator],
    ) -> Call<Answer<domain::Quality>> {
        let input = ScoreInput { year: Cow::Borrowed(year), indicators: Cow::Borrowed(indicators) };
        self.invoke::<Score>(plugin, context, input).await
    }

    /// How a year ends.
    #[boxed]
    pub async fn close_year(
        &self,
        plugin: &Plugin,
        context: CallContext,
        account: &domain::Account,
    ) -> Call<Answer<domain::Closing>> {
        let input = CloseInput { account: Cow::Borrowed(account) };
        self.invoke::<Close>(plugin, context, input).await
    }
}
