"""Payment per head and a list of prices in one component, in Python.

The least that a scheme and a list can be: every member counts the same, every consultation costs the
same. It shows what the two contracts look like from another language; figures are nobody's.
"""

from datetime import datetime, timedelta, timezone

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.capitation import (
    Acceptance,
    Budget,
    Choice,
    Closing,
    Enrolled_Accepted,
    Enrolled_Refused,
    Place,
    Points,
    Quality,
    Share,
)
from wit_world.exports.pricing import Due_AtStart, Fee, Payee, Price, Priced_Offered, Priced_Refused, Progress, Refund, ReturnedFee
from wit_world.imports.insurance import Error_MissingData, Refusal
from wit_world.imports.types import Citation, Coding, Decimal, Money, Translation

SHANGHAI = timezone(timedelta(hours=8))
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
CLASSES = "https://heads.example/class"
SERVICES = "https://heads.example/services"
CITATION = Citation(title="Example of a scheme and of a list of prices", section=None, year=2026, url=None)

MONTHLY = 50000  # fen of a member and month
CONSULTATION = 10000
CHILDRENS = 5000
DAY = 86_400_000_000


def zh_en(zh, en):
    return [Translation("zh-CN", zh), Translation("en", en)]


def fen(amount):
    return Money(amount, "CNY")


def next_month(instant):
    """The first moment of the month after an instant, in Asia/Shanghai."""
    day = (EPOCH + timedelta(microseconds=instant)).astimezone(SHANGHAI)
    first = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=SHANGHAI)
    return (first - EPOCH) // timedelta(microseconds=1)


def refusal(code, zh, en):
    return Refusal(code, zh_en(zh, en), CITATION)


class Capitation(exports.Capitation):
    def enrol(self, enrolment, now):
        if (enrolment.choice == Choice.JOIN) != (enrolment.current is None):
            return Enrolled_Refused([refusal("CAP_DUPLICATE", "已有牵头机构", "There is a lead, or none to change")])
        if not enrolment.diagnoses:
            raise Err(Error_MissingData(zh_en("缺少诊断", "No diagnosis is known")))
        return Enrolled_Accepted(Acceptance(next_month(enrolment.chosen_at), Coding(CLASSES, "all", None), CITATION))

    def accrue(self, year, months):
        budget = MONTHLY * sum(of.months for of in months)
        return Budget(fen(budget), fen(budget * 9 // 10), CITATION)

    def consume(self, consumption):
        outside = consumption.place == Place.ELSEWHERE
        return fen(0) if outside else consumption.fund

    def score(self, year, indicators):
        met = all(of.numerator == of.denominator for of in indicators)
        points = Points("all", Decimal(100 if met else 0, 0), Decimal(100, 0))
        return Quality([points] if indicators else [], points.points if indicators else Decimal(0, 0), CITATION)

    def close(self, account):
        budget, used = account.budget.minor_units, account.used.minor_units
        kept, borne = max(budget - used, 0), max(used - budget, 0)
        payable = used + kept - borne - account.prepaid.minor_units
        return Closing(fen(kept), fen(0), fen(0), fen(borne), fen(payable), [Share("lead", fen(kept))], CITATION)


class Pricing(exports.Pricing):
    def quote(self, service, now):
        if not any(code.system == SERVICES and code.code == "consultation" for code in service.code):
            return Priced_Refused([refusal("SERVICE_NOT_PRICED", "没有这项服务", "There is no such service")])
        if service.age_years is None:
            raise Err(Error_MissingData(zh_en("缺少年龄", "The age is not known")))
        amount = fen(CHILDRENS if service.age_years < 14 else CONSULTATION)
        fee = Fee(Coding(SERVICES, "consultation", None), zh_en("咨询", "Consultation"), Payee.DOCTOR, amount, Due_AtStart(), None)
        return Priced_Offered(Price([fee], [], [], amount, now + DAY, CITATION))

    def cancel(self, purchase, now):
        begun = purchase.progress != Progress.NOT_STARTED
        return Refund([] if begun else [ReturnedFee(fee.code, fee.amount) for fee in purchase.price.fees], CITATION)
