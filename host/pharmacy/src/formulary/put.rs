use std::collections::BTreeSet;

use serde::Serialize;
use xinglin_domain::{
    access::Action,
    code::Code,
    id::TenantId,
    money::Money,
    payer::LineKind,
    prescription::{Barred, Rules},
};
use xinglin_platform::{
    AppError, AppResult, Caller, Platform, blocking, boxed,
    settings::{self, Item},
};

use super::{Formulary, Uploaded, bars, check_codings};

/// The highest price there is, a hundred million yuan: far below where the sums
/// of a hospital's books would no longer fit.
const DEAREST: Money = Money::fen(10_000_000_000);

/// A row of an upload that cannot be stored.
#[derive(Serialize)]
struct WrongRow<'a> {
    /// Position, from 0.
    row: usize,
    /// Code of the item.
    item: &'a str,
    /// The stable code.
    code: Code,
    detail: String,
}

/// Replaces a hospital's formulary, as a whole or not at all. What was billed before stays as it
/// was; classifications of items that are still the same products stay. Medicines that must not be
/// sold, or are not classified, are stored and reported; nobody can order them. So is what may be a
/// medicine under another kind.
///
/// # Errors
/// With a report row by row, if any item is not whole, has the code of another, or is a medicine
/// under another kind (`RX_FORBIDDEN_DRUG`, `FORMULARY_KIND`).
#[boxed]
pub async fn put(platform: &Platform, caller: &Caller, tenant: TenantId, formulary: Formulary) -> AppResult<Uploaded> {
    caller.trail.asked();
    caller.may_in(tenant, Action::ManageCatalogue)?;
    let (row, mut settings) = settings::of(platform.store(), tenant).await?;
    let rules = settings.rules()?;
    let before = std::mem::take(&mut settings.formulary);
    let uploaded = blocking(move || {
        check(&formulary.items, &rules)?;
        let items: Vec<Item> = formulary.items.into_iter().map(|item| stored(item, &before)).collect();
        Ok::<_, AppError>(Uploaded { barred: bars(&items, &rules), items })
    });
    let uploaded = uploaded.await??;
    settings.formulary.clone_from(&uploaded.items);
    settings::put(platform.store(), row, &settings, caller.now).await?;
    Ok(uploaded)
}

/// An item as it is stored: canonical codes, and the classification of the item that it replaces.
fn stored(item: Item, before: &[Item]) -> Item {
    let mut classified = before.iter().filter(|known| known.classification.is_some());
    let same = classified.find(|known| known.is_same_product(&item));
    let canonical = |codings: Vec<_>| codings.iter().map(xinglin_domain::coding::Coding::canonical).collect();
    Item {
        classification: same.and_then(|known| known.classification.clone()),
        codings: canonical(item.codings),
        ingredients: canonical(item.ingredients),
        ..item
    }
}

/// Checks every row; the error names all that are wrong.
fn check(items: &[Item], rules: &Rules) -> AppResult<()> {
    let mut codes = BTreeSet::new();
    let mut wrong = Vec::new();
    for (row, item) in items.iter().enumerate() {
        let checked = if codes.insert(item.code.as_str()) {
            check_item(item, rules)
        } else {
            Err(AppError::new(Code::BodyInvalid, "needs a code of its own"))
        };
        if let Err(AppError { code, detail, .. }) = checked {
            wrong.push(WrongRow { row, item: &item.code, code, detail });
        }
    }
    let Some(first) = wrong.first() else { return Ok(()) };
    let alike = wrong.iter().all(|row| row.code == first.code);
    let code = if alike { first.code } else { Code::BodyInvalid };
    let mut detail = format!("items[{}] `{}`: {}", first.row, first.item, first.detail);
    if wrong.len() > 1 {
        detail.push_str(&format!("; {} more rows are wrong, nothing was stored", wrong.len() - 1));
    }
    let path = format!("items[{}]", first.row);
    Err(AppError::new(code, detail).with("path", path).with("rows", wrong))
}

fn check_item(item: &Item, rules: &Rules) -> AppResult<()> {
    let wrong = |what: &str| Err(AppError::new(Code::BodyInvalid, what));
    if item.code.trim().is_empty() {
        return wrong("needs a code of its own");
    }
    if item.title.trim().is_empty() {
        return wrong("needs a title");
    }
    if item.codings.is_empty() {
        return wrong("needs at least one coding");
    }
    check_codings(item.codings.iter().chain(&item.ingredients))?;
    if item.price_fen.non_negative().is_err() || item.price_fen > DEAREST {
        return Err(AppError::new(Code::MoneyInvalid, format!("price_fen: 0 to {}", DEAREST.as_fen())));
    }
    match (item.kind, &item.pack) {
        (LineKind::Medicine, Some(_)) => Ok(()),
        (LineKind::Medicine, None) => wrong("a medicine needs the content of its `pack`"),
        (LineKind::Service | LineKind::Material | LineKind::Other, _) => {
            let own = Item { classification: None, ..item.clone() };
            match rules.check_product(&own.product()) {
                // Stored and reported: a pharmacist says whether it is a medicine.
                Ok(()) | Err(Barred::Doubtful(_)) => Ok(()),
                Err(why) => Err(why.into()),
            }
        }
    }
}
