use xinglin_care::pathway::Occasion;
use xinglin_extensions::Extensions;
use xinglin_platform::{AppResult, boxed};
use xinglin_store::Work;

use super::expire::cancel_order;
use crate::cash::{self, Followed};

/// Does what is due of the patient's share of a bill ([`cash::follow`]). If the time to pay is over, and no
/// channel takes money for it any more, the bill is taken back: the payers' shares are reversed, the prescription
/// is released, and the patient is told.
///
/// # Errors
/// If the store fails; it is tried again.
#[boxed]
pub async fn lapse(extensions: &Extensions, work: &Work, occasion: &Occasion) -> AppResult<()> {
    match cash::follow(&extensions.platform, work, occasion.now).await? {
        Followed::Done => Ok(()),
        Followed::Lapsed(bill) => {
            let records = extensions.platform.store().tenant(work.tenant);
            cancel_order(extensions, &records, work, (bill, None), occasion).await
        }
    }
}
