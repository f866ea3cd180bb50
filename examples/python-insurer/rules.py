"""How the insurer shares a claim, by the tables in `terms`: functions of claim, policy and what is kept."""

from componentize_py_types import Err
from memory import DAY, ended, find, midnight, standing, year
from terms import CARC, CITATION, ITEMS, LETTER, LIMITS, PLAN, REASONS, RULES, USUAL
from wit_world.exports import claims, preauthorization
from wit_world.imports import insurance
from wit_world.imports.types import Coding, Money, Translation


def zh_en(zh, en):
    return [Translation("zh-CN", zh), Translation("en", en)]


def fen(amount):
    return Money(amount, "CNY")


def refusal(code):
    return insurance.Refusal(code, zh_en(*REASONS[code][1:]), CITATION)


def rest(line):
    return line.gross.minor_units - sum(share.amount.minor_units for share in line.prior)


def rule(line):
    return next((RULES[code.code] for code in line.code if code.system == ITEMS and code.code in RULES), USUAL)


def lacks(claim, kind):
    return all((of.kind.system, of.kind.code) != (kind.system, kind.code) for of in claim.documents)


def not_in_force(claim, policy):
    if (policy.plan.system, policy.plan.code) != PLAN:
        return "PLAN_UNKNOWN"
    if policy.valid_from is None:
        raise Err(insurance.Error_MissingData(zh_en("缺少保障起始日", "It is not known since when the cover runs")))
    if claim.served_at < midnight(policy.valid_from):
        return "NOT_YET_INSURED"
    until = policy.valid_until
    return "COVERAGE_LAPSED" if until is not None and claim.served_at >= midnight(until) + DAY else None


def excluded(line, claim, policy):
    if rule(line) is None:
        return "EXCLUDED"
    if policy.network is None:
        return "OUT_OF_NETWORK"
    is_waiting = claim.served_at < midnight(policy.valid_from) + rule(line).waiting * DAY
    return "WAITING_PERIOD" if is_waiting else None


def needs_guarantee(line, claim, policy):
    return excluded(line, claim, policy) is None and rule(line).guarantee


def balance(policy, code, at):
    return next((of for of in policy.balances if (of.code, of.period) == (code, year(at))), None)


def left(policy, code, at):
    of = balance(policy, code, at)
    if of is None:
        raise Err(insurance.Error_MissingData(zh_en("请先核验资格", f"`{code}` is not known: check the eligibility")))
    return max(LIMITS[code] - of.used.value.minor_units, 0)


def share(claim, policy, own=None):
    """How a claim is shared, or the code why it is not taken up. `own` may rest on its guarantee already."""
    if refused := not_in_force(claim, policy):
        return refused
    promised = {}
    if claim.preauthorization is not None:
        key, kept = find("guarantee", claim.preauthorization, "G", policy)
        given = (preauthorization.Decision_Approved, preauthorization.Decision_Partial)
        if key is None or not isinstance(kept["answer"], given):
            return "CLAIM_NO_PREAUTH"
        if ended("guarantee", key) or standing(f"used/{key}") not in (None, own):
            return "CLAIM_NO_PREAUTH"
        if claim.served_at >= kept["answer"].value.expires:
            return "CLAIM_NO_PREAUTH"
        promised = {line.number: line.amount.minor_units for line in kept["answer"].value.lines}
    elif any(needs_guarantee(line, claim, policy) for line in claim.lines):
        return "CLAIM_NO_PREAUTH"
    free = {code: left(policy, code, claim.served_at) for code in LIMITS}
    begin, lines = dict(free), []
    for line in claim.lines:
        asked, terms, denied = rest(line), rule(line) or USUAL, excluded(line, claim, policy)
        if denied is None and terms.letter and lacks(claim, LETTER):
            denied = "NOT_NECESSARY"
        if denied is None and terms.guarantee and line.number not in promised:
            denied = "CLAIM_NO_PREAUTH"
        contractual = 0 if denied else (asked * terms.discount + 50) // 100
        allowed = 0 if denied else asked - contractual
        deductible = min(allowed, free["deductible"])
        copay = min(allowed - deductible, terms.copay)
        covered = (allowed - deductible - copay) * terms.share // 100
        benefit = min(covered, free["annual-limit"], promised.get(line.number, covered))
        reasons = {denied: asked if denied else 0, "CONTRACT_DISCOUNT": contractual, "BENEFIT_LIMIT": covered - benefit}
        lines.append(
            claims.LineAdjudication(
                number=line.number,
                contractual=fen(contractual),
                not_covered=fen(asked if denied else 0),
                allowed=fen(allowed),
                deductible=fen(deductible),
                copay=fen(copay),
                coinsurance=fen(allowed - deductible - copay - covered),
                over_limit=fen(covered - benefit),
                benefit=fen(benefit),
                reasons=[
                    claims.Reason(Coding(CARC, REASONS[code][0], code), zh_en(*REASONS[code][1:]), CITATION)
                    for code, amount in reasons.items()
                    if amount
                ],
            )
        )
        free = {"deductible": free["deductible"] - deductible, "annual-limit": free["annual-limit"] - benefit}
    drawn = {code: begin[code] - free[code] for code in LIMITS}
    return claims.Adjudication(lines, [
        insurance.Draw(code, year(claim.served_at), insurance.Allowance_Money(fen(amount)))
        for code, amount in drawn.items() if amount
    ], CITATION, [])  # fmt: skip


def pays(answer):
    return sum(line.benefit.minor_units for line in answer.value.adjudication.lines)
