//! What orders and refunds are called at a channel: the bill's bare id, a letter, a number. At most 32
//! letters and digits, which is what WeChat Pay takes (`out_trade_no`, 6 to 32 of `0-9a-zA-Z_-|*`).

use crate::id::BillId;

/// Length of a bill's id without its prefix.
const BARE: usize = 26;

/// What is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// An order of a bill.
    Order(BillId, u32),
    /// A refund of a bill.
    Refund(BillId, u32),
}

fn bare(bill: BillId) -> String {
    let text = bill.to_string();
    text.split_once('-').map_or_else(String::new, |(_, bare)| bare.to_owned())
}

/// The name of an order (`out_trade_no`).
pub fn of_order(bill: BillId, number: u32) -> String {
    format!("{}p{number:02}", bare(bill))
}

/// The name of a refund (`out_refund_no`, `out_request_no`).
pub fn of_refund(bill: BillId, number: u32) -> String {
    format!("{}r{number:02}", bare(bill))
}

/// What a name means; `None` if it is not one of ours.
pub fn read(name: &str) -> Option<Named> {
    let (bare, rest) = name.split_at_checked(BARE)?;
    let bill: BillId = format!("{}-{bare}", BillId::PREFIX).parse().ok()?;
    let number = |digits: &str| digits.parse().ok().filter(|number: &u32| *number > 0);
    let named = match (rest.strip_prefix('p'), rest.strip_prefix('r')) {
        (Some(digits), _) => Named::Order(bill, number(digits)?),
        (_, Some(digits)) => Named::Refund(bill, number(digits)?),
        _ => return None,
    };
    let again = match named {
        Named::Order(bill, number) => of_order(bill, number),
        Named::Refund(bill, number) => of_refund(bill, number),
    };
    (again == name).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        let bill = BillId::from_u128(0x0193_5b2a_7c4d_7000_8000_0123_4567_89ab);
        for number in [1, 9, 10, 100, 12_345] {
            assert_eq!(read(&of_order(bill, number)), Some(Named::Order(bill, number)));
            assert_eq!(read(&of_refund(bill, number)), Some(Named::Refund(bill, number)));
            assert!(of_order(bill, number).len() <= 32);
        }
        for other in
            ["", "p01", "01abc", "药药药药药药药药药药", &format!("{}p1", bare(bill)), &format!("{}p00", bare(bill))]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
