//! Why the scheme pays nothing.

use xinglin_sdk::{
    payment::Refusal,
    types::{Citation, LocalizedText, zh_en},
};

/// A refusal of this plugin.
pub fn refusal(code: &str) -> Refusal {
    let message = match code {
        "COVERAGE_LAPSED" => zh_en("就诊当日参保已失效。", "The insurance had lapsed on the day of the service."),
        "CATEGORY_NOT_COVERED" => {
            zh_en("参保类别不在本统筹区方案内。", "The scheme does not have the category of the insured person.")
        }
        "BASIC_FUND_PAYS_FIRST" => {
            zh_en("基本医保须先于其他付款方结算。", "Basic insurance is settled before any other payer.")
        }
        "BENEFITS_SUSPENDED" => zh_en("医保待遇暂停或未享受。", "The benefits are suspended or not enjoyed."),
        "AUTHORIZATION_UNKNOWN" => {
            zh_en("没有这笔登记,请先登记。", "There is no such authorization; ask for one first.")
        }
        "AUTHORIZATION_OTHER_BILL" => zh_en("登记与本次账单不符。", "The authorization was given for another bill."),
        "AUTHORIZATION_EXPIRED" => zh_en("登记已过期,请重新登记。", "The authorization has expired; ask again."),
        "SETTLEMENT_UNKNOWN" => zh_en("没有这笔结算,无从冲正。", "There is no such settlement to take back."),
        "PAY_ALREADY_REVERSED" => zh_en("这笔结算已经冲正过。", "The settlement was taken back before."),
        other => zh_en(other, other),
    };
    Refusal { code: code.to_owned(), message, citation: rule() }
}

/// What the insurance office said.
pub fn of_office(infno: &str, said: &str) -> Refusal {
    /// Longest text that is passed on, in characters.
    const TEXT: usize = 500;
    let said: String = said.chars().take(TEXT).collect();
    let message: LocalizedText = zh_en(format!("医保({infno}):{said}"), format!("Insurance office ({infno}): {said}"));
    Refusal { code: "INSURANCE_OFFICE_REFUSED".to_owned(), message, citation: rule() }
}

/// The source of the rules.
pub fn rule() -> Citation {
    Citation::new("《基本医疗保险用药管理暂行办法》(国家医疗保障局令第1号)", 2020)
}
