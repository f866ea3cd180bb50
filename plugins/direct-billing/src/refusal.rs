//! Reasons, in words.

use xinglin_sdk::{
    insurance::{Refusal, claims::Reason},
    types::{Coding, LocalizedText, zh_en},
};

use crate::profile::Profile;

/// X12 claim adjustment reason codes.
const CARC: &str = "https://x12.org/codes/claim-adjustment-reason-codes";

/// Code, claim adjustment reason, term of the contract, and what it means.
const REASONS: [(&str, Option<&str>, &str, &str, &str); 32] = [
    ("APPEAL_LATE", None, "appeal-days", "已过申诉期限。", "The time to appeal is over."),
    ("APPEAL_LINE_UNKNOWN", None, "appeal-days", "原决定没有所列的行。", "The decision has no such line."),
    ("APPEAL_UPHELD", None, "appeal-days", "复核后维持原决定。", "Decided anew, with no more to pay."),
    (
        "BENEFIT_LIMIT",
        Some("119"),
        "visit-limit, annual-limit",
        "超出单次或年度限额。",
        "Beyond the limit of the visit or the year.",
    ),
    ("CLAIM_CANCELLED", None, "claims", "该理赔已撤销。", "The claim was cancelled."),
    (
        "CLAIM_LIMIT",
        Some("119"),
        "annual-limit, visits",
        "本保险年度的额度或次数已用完。",
        "The limit of this benefit year is used up.",
    ),
    (
        "CLAIM_NO_PREAUTH",
        Some("197"),
        "preauthorization",
        "须先取得付款保证(预授权)。",
        "It needs a guarantee of payment first.",
    ),
    ("CLAIM_REPLACED", None, "claims", "该决定已被后来的决定替代。", "A later decision took its place."),
    ("CLAIM_UNKNOWN", None, "claims", "没有这笔理赔。", "There is no such claim of this member."),
    ("COMPLETED_BY_LATER_REQUEST", None, "documents", "已由补件后的申请替代。", "A later request completed it."),
    (
        "CONTRACT_DISCOUNT",
        Some("45"),
        "discount",
        "协议折扣,由医院承担。",
        "The discount of the contract, which the hospital gives.",
    ),
    ("COVERAGE_LAPSED", None, "policy", "就诊当日保障已终止。", "The cover had ended on the day of the service."),
    ("CURRENCY_NOT_ACCEPTED", None, "policy", "仅受理人民币。", "Claims are in CNY."),
    (
        "DUPLICATE_CLAIM",
        Some("18"),
        "claims",
        "该账单已理赔,请先撤销。",
        "The bill is claimed already; cancel that first.",
    ),
    ("EXCLUDED_DIAGNOSIS", Some("167"), "excluded", "该诊断属责任免除。", "The diagnosis is excluded."),
    ("EXCLUDED_ITEM", Some("96"), "excluded", "该项目不属于保险责任。", "The item is not covered."),
    (
        "FILED_LATE",
        Some("29"),
        "filing-days",
        "已过理赔提交期限,由医院承担。",
        "Filed too late; the hospital bears it.",
    ),
    ("GUARANTEE_UNKNOWN", None, "preauthorization", "没有这份付款保证。", "There is no such guarantee of this member."),
    ("GUARANTEE_USED", None, "preauthorization", "付款保证已用于理赔。", "A claim rests on the guarantee."),
    (
        "MENTAL_WAITING_PERIOD",
        Some("179"),
        "mental-waiting-days",
        "精神疾病等待期未满。",
        "The waiting period for mental illness is not over.",
    ),
    (
        "NOT_GUARANTEED",
        Some("197"),
        "preauthorization",
        "该行不在付款保证之内。",
        "The guarantee does not have the line.",
    ),
    ("NOT_YET_INSURED", None, "policy", "就诊当日尚未承保。", "The cover had not begun on the day of the service."),
    (
        "OUT_OF_NETWORK",
        Some("242"),
        "networks",
        "本院不在该计划的直付网络内。",
        "The hospital is not in the network of the plan.",
    ),
    ("PLAN_UNKNOWN", None, "plans", "协议不含该保险计划。", "The contract does not have the plan."),
    (
        "PREAUTHORIZATION_CANCELLED",
        Some("197"),
        "preauthorization",
        "付款保证已撤回。",
        "The guarantee was given back.",
    ),
    ("PREAUTHORIZATION_EXPIRED", Some("197"), "guarantee-days", "付款保证已过期。", "The guarantee has expired."),
    (
        "PREAUTHORIZATION_UNKNOWN",
        Some("197"),
        "preauthorization",
        "没有这份付款保证。",
        "There is no such guarantee of this member.",
    ),
    (
        "PREAUTHORIZATION_USED",
        Some("197"),
        "preauthorization",
        "付款保证已用于另一笔理赔。",
        "Another claim rests on the guarantee.",
    ),
    (
        "RELATED_STANDS",
        None,
        "claims",
        "所关联的理赔仍有效,请先撤销。",
        "What it relates to still stands; cancel that first.",
    ),
    ("RELATED_UNKNOWN", None, "claims", "没有所关联的申请。", "There is no such request of this member."),
    ("WAITING_PERIOD", Some("179"), "waiting-days", "等待期未满。", "The waiting period is not over."),
    ("WITHDRAWN", None, "claims", "申请已撤回。", "The request was taken back."),
];

fn find(code: &str) -> Option<&'static (&'static str, Option<&'static str>, &'static str, &'static str, &'static str)> {
    REASONS.binary_search_by(|(known, ..)| (*known).cmp(code)).ok().and_then(|index| REASONS.get(index))
}

fn message(code: &str) -> LocalizedText {
    find(code).map_or_else(|| zh_en(code, code), |(.., zh, en)| zh_en(*zh, *en))
}

fn term(code: &str) -> &'static str {
    find(code).map_or("terms", |(_, _, term, ..)| term)
}

/// A refusal of this plugin.
pub fn refusal(profile: &Profile, code: &str) -> Refusal {
    Refusal { code: code.to_owned(), message: message(code), citation: profile.cite(term(code)) }
}

/// Refusals of this plugin.
pub fn refusals<'a>(
    profile: &Profile,
    codes: impl IntoIterator<Item = &'a (impl AsRef<str> + ?Sized + 'a)>,
) -> Vec<Refusal> {
    codes.into_iter().map(|code| refusal(profile, code.as_ref())).collect()
}

/// Why a line is not paid as charged.
pub fn reason(profile: &Profile, code: &str) -> Reason {
    let adjustment = find(code).and_then(|(_, carc, ..)| *carc);
    let coding = match adjustment {
        Some(carc) => Coding::new(CARC, carc).displayed(code),
        None => Coding::new(profile.system(), code),
    };
    Reason { code: coding, message: message(code), citation: profile.cite(term(code)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found() {
        assert!(REASONS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(REASONS.iter().all(|(code, ..)| find(code).is_some()));
    }
}
