"""A commercial insurer in Python: eligibility, guarantees, claims, appeals, reconciliation."""

from dataclasses import replace

from memory import DAY, HOUR, books, day, ended, find, load, midnight, once, save, standing, year
from rules import balance, excluded, fen, lacks, left, needs_guarantee, not_in_force, pays, refusal, rest, rule, share
from terms import CITATION, GUARANTEE_DAYS, LETTER, LIMITS, REVIEW_ABOVE, SUMMARY
from wit_world import exports
from wit_world.exports import claims, eligibility, preauthorization, reconciliation
from wit_world.imports import insurance


class Eligibility(exports.Eligibility):
    def check(self, claim, policy, now):
        if refused := not_in_force(claim, policy):
            return eligibility.Standing_NotInForce([refusal(refused)])
        lines = []
        for line in claim.lines:
            why, first = excluded(line, claim, policy), needs_guarantee(line, claim, policy)
            wanted = [SUMMARY] * first + [LETTER] * (why is None and rule(line).letter)
            lines.append(eligibility.Benefit(line.number, [refusal(why)] if why else [], first, wanted))
        fresh = insurance.Allowance_Money(fen(0))
        balances = []
        for code, limit in LIMITS.items():
            known = balance(policy, code, claim.served_at)
            used = known.used if known else fresh
            balances.append(insurance.Balance(code, year(claim.served_at), used, insurance.Allowance_Money(fen(limit))))
        return eligibility.Standing_InForce(eligibility.Entitlement(lines, balances, CITATION))


class Preauthorization(exports.Preauthorization):
    def submit(self, operation, claim, policy):
        def decide():
            if claim.related is not None:
                key, kept = find("guarantee", claim.related, "P", policy)
                if key is None or ended("guarantee", key):
                    return {"answer": preauthorization.Decision_Refused([refusal("GUARANTEE_UNKNOWN")])}
                save(f"end/guarantee/{key}", operation.key)
            asked = sum(rest(line) for line in claim.lines)
            wanted = [SUMMARY] if any(needs_guarantee(line, claim, policy) for line in claim.lines) else []
            wanted = wanted if lacks(claim, SUMMARY) else []
            if not_in_force(claim, policy) or not (wanted or asked > REVIEW_ABOVE):
                return {"answer": self.guarantee(operation, claim, policy, operation.at)}
            pending = insurance.Pending(f"P-{operation.key}", operation.at + HOUR, wanted)
            return {"answer": preauthorization.Decision_Pending(pending)}

        return once("guarantee", operation, claim, policy, decide)

    def guarantee(self, operation, claim, policy, now):
        refused, lines, is_whole = not_in_force(claim, policy), [], True
        free = 0 if refused else left(policy, "annual-limit", claim.served_at)
        for line in claim.lines if not refused else []:
            asked, why = rest(line), excluded(line, claim, policy)
            amount = 0 if why or (rule(line).letter and lacks(claim, LETTER)) else min(asked, free)
            free, is_whole = free - amount, is_whole and amount == asked
            if amount or not asked:
                short = [refusal("BENEFIT_LIMIT")] if amount < asked else []
                lines.append(preauthorization.GuaranteedLine(line.number, fen(amount), short))
        if not lines:
            return preauthorization.Decision_Refused([refusal(refused or "EXCLUDED")])
        promise = preauthorization.Guarantee(f"G-{operation.key}", lines, midnight(now) + GUARANTEE_DAYS * DAY)
        return (preauthorization.Decision_Approved if is_whole else preauthorization.Decision_Partial)(promise)

    def status(self, operation, reference, now):
        kept = load(f"guarantee/{operation.key}")
        if kept and isinstance(kept["answer"], preauthorization.Decision_Pending):
            if ended("guarantee", operation.key):
                return preauthorization.Decision_Refused([refusal("COMPLETED")])
            pending = kept["answer"].value
            if now >= pending.ask_after and not pending.documents_wanted:
                kept["answer"] = self.guarantee(operation, kept["content"], kept["policy"], now)
                save(f"guarantee/{operation.key}", kept)
        return kept and kept["answer"]

    def cancel(self, operation, reference, policy):
        def decide():
            key, kept = find("guarantee", reference, "GP", policy)
            by = ended("guarantee", key) if key else None
            code = "GUARANTEE_UNKNOWN" if key is None or by else None
            code = "GUARANTEE_USED" if key and standing(f"used/{key}") else code
            if code and not isinstance(by, preauthorization.Decision_Cancelled):
                return {"answer": preauthorization.Decision_Refused([refusal(code)])}
            if not by:
                save(f"end/guarantee/{key}", operation.key)
            return {"answer": preauthorization.Decision_Cancelled()}

        return once("guarantee", operation, reference, policy, decide)


class Claims(exports.Claims):
    def predetermine(self, claim, policy, now):
        shared = share(claim, policy)
        declined = isinstance(shared, str)
        return claims.Predetermined_Declined([refusal(shared)]) if declined else claims.Predetermined_Covered(shared)

    def decided(self, operation, claim, shared, before):
        """Keeps a decision, with what it owes, and `before` with what is owed no more."""
        answer = claims.Response_Adjudicated(claims.ExplanationOfBenefit(f"E-{operation.key}", shared))
        save(f"bill/{claim.bill}", operation.key)
        if claim.preauthorization is not None:
            save(f"used/{claim.preauthorization[2:]}", operation.key)
        books = before + [(operation.at, answer.value.reference, pays(answer))]
        return {"answer": answer, "claim": claim, "books": books}

    def submit(self, operation, claim, policy):
        def decide():
            shared = "DUPLICATE_CLAIM" if standing(f"bill/{claim.bill}") else share(claim, policy)
            if isinstance(shared, str):
                return {"answer": claims.Response_Refused([refusal(shared)])}
            return self.decided(operation, claim, shared, [])

        return once("claim", operation, claim, policy, decide)

    def status(self, operation, reference, now):
        kept = load(f"claim/{operation.key}")
        return kept and kept["answer"]

    def cancel(self, operation, reference, policy):
        def decide():
            key, kept = find("claim", reference, "E", policy)
            by = ended("claim", key) if key else None
            if isinstance(by, claims.Response_Cancelled):
                return {"answer": by}
            if key is None or by:
                return {"answer": claims.Response_Refused([refusal("CLAIM_UNKNOWN")])}
            save(f"end/claim/{key}", operation.key)
            answer = claims.Response_Cancelled(claims.Cancellation(f"C-{operation.key}"))
            return {"answer": answer, "books": [(operation.at, answer.value.reference, -pays(kept["answer"]))]}

        return once("claim", operation, reference, policy, decide)

    def appeal(self, operation, objection, policy):
        def decide():
            key, kept = find("claim", objection.reference, "E", policy)
            if key is None or ended("claim", key):
                return {"answer": claims.Response_Refused([refusal("CLAIM_UNKNOWN")])}
            former = kept["answer"]
            drawn = {draw.code: draw.amount.value.minor_units for draw in former.value.adjudication.draws}
            before = replace(policy, balances=[
                replace(of, used=insurance.Allowance_Money(fen(of.used.value.minor_units - drawn.get(of.code, 0))))
                for of in policy.balances
            ])  # fmt: skip
            claim = replace(kept["claim"], documents=kept["claim"].documents + objection.documents)
            shared = share(claim, before, own=key)
            if isinstance(shared, str) or sum(line.benefit.minor_units for line in shared.lines) <= pays(former):
                return {"answer": claims.Response_Refused([refusal("APPEAL_UPHELD")])}
            save(f"end/claim/{key}", operation.key)
            return self.decided(operation, claim, shared, [(operation.at, objection.reference, -pays(former))])

        return once("claim", operation, objection, policy, decide)


class Reconciliation(exports.Reconciliation):
    def compare(self, statement, now):
        theirs = {entry.reference: entry.amount.minor_units for entry in statement.entries}
        own = books(statement.period, theirs)
        differences = [
            reconciliation.Difference(
                reference,
                fen(theirs[reference]) if reference in theirs else None,
                fen(own[reference]) if reference in own else None,
                [],
            )
            for reference in sorted(theirs.keys() | own.keys())
            if theirs.get(reference) != own.get(reference)
        ]
        return reconciliation.Comparison(fen(sum(own.values())), len(own), differences)

    def remittances(self, period, now):
        """What a day owes is sent at the end of the day after. A day that owes nothing has none."""
        sent = []
        for at in range(midnight(period.start), min(period.end, now + 1), DAY):
            owed = books(insurance.Period(at - DAY, at), [])
            items = [reconciliation.Remitted(reference, fen(amount)) for reference, amount in sorted(owed.items()) if amount]
            if at >= period.start and sum(owed.values()) > 0:
                sent.append(reconciliation.Remittance(f"SILVER-{day(at - DAY)}", at, fen(sum(owed.values())), items, fen(0)))
        return sent
