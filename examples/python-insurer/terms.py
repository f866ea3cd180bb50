"""The terms of one plan, as tables. Amounts in fen; the figures are nobody's."""

from typing import NamedTuple

from wit_world.imports.types import Citation, Coding


class Rule(NamedTuple):
    discount: int = 0  # percent of the charge that the hospital gives up
    copay: int = 0  # fen of a line
    share: int = 80  # percent of the rest that the insurer pays
    waiting: int = 0  # days since the beginning of the policy
    guarantee: bool = False  # only with a guarantee of payment
    letter: bool = False  # only with a letter of medical necessity


ITEMS = "https://xinglin.dev/catalogue"
RULES = {
    "rehabilitation": Rule(discount=5, copay=10000, share=90, waiting=30, guarantee=True),
    "glucose-test-strips-50": Rule(letter=True),
    "vitamin": None,  # excluded
}
USUAL = Rule()  # of all other items
LIMITS = {"deductible": 20000, "annual-limit": 150000}  # of a calendar year
REVIEW_ABOVE = 100000  # a guarantee of more is looked at for an hour
GUARANTEE_DAYS = 30

PLAN = ("https://insurer.example/plans", "SILVER")
SUMMARY = Coding("http://loinc.org", "34133-9", None)
LETTER = Coding("https://insurer.example/documents", "letter-of-necessity", None)
CITATION = Citation("Terms of the plan SILVER, an example", None, 2026, None)
CARC = "https://x12.org/codes/claim-adjustment-reason-codes"

REASONS = {  # code: claim adjustment reason (of those that are on a line), words
    "APPEAL_UPHELD": ("", "复核后维持原决定", "Decided anew, with no more to pay"),
    "BENEFIT_LIMIT": ("119", "超出年度限额或付款保证", "Beyond the limit of the year, or what was guaranteed"),
    "CLAIM_NO_PREAUTH": ("197", "须先取得有效的付款保证", "It needs a guarantee of payment that holds"),
    "CLAIM_UNKNOWN": ("", "没有仍有效的这笔理赔", "There is no such claim that stands"),
    "COMPLETED": ("", "已由补件后的申请替代", "A later request took its place"),
    "CONTRACT_DISCOUNT": ("45", "协议折扣", "The discount of the contract"),
    "COVERAGE_LAPSED": ("", "保障已终止", "The cover has ended"),
    "DUPLICATE_CLAIM": ("", "该账单已理赔", "The bill is claimed already"),
    "EXCLUDED": ("96", "不属于保险责任", "It is not covered"),
    "GUARANTEE_UNKNOWN": ("", "没有这份付款保证或申请", "There is no such guarantee or request"),
    "GUARANTEE_USED": ("", "付款保证已用于理赔", "A claim rests on the guarantee"),
    "NOT_NECESSARY": ("50", "未证明医疗必要性", "Its medical necessity was not shown"),
    "NOT_YET_INSURED": ("", "尚未承保", "The cover has not begun"),
    "OUT_OF_NETWORK": ("242", "本院不在网络内", "The hospital is in no network of the plan"),
    "PLAN_UNKNOWN": ("", "没有这个计划", "There is no such plan"),
    "WAITING_PERIOD": ("179", "等待期未满", "The waiting period is not over"),
}
