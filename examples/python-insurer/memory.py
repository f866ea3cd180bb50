"""What the insurer keeps: a value for each operation, written last, and pointers between them.

| key | value |
|---|---|
| `claim/…`, `guarantee/…` | an operation: what was asked, what was answered, what it put into the books |
| `end/<kind>/…` | the operation that ended it |
| `bill/…`, `used/…` | the claim of a bill, and that which rests on a guarantee |
| `day/…` | the operations of a day that are in the books |

A pointer to an operation that is not stored counts as none, so that a write that fails changes nothing.
"""

import pickle
from datetime import datetime, timedelta, timezone

from componentize_py_types import Err
from wit_world.exports import claims
from wit_world.imports import insurance, kv

HOUR, DAY = 3_600_000_000, 86_400_000_000
EPOCH, SHANGHAI = datetime(1970, 1, 1, tzinfo=timezone.utc), timezone(timedelta(hours=8))


def midnight(at):
    """Where the day of an instant begins, in Asia/Shanghai."""
    return (at + 8 * HOUR) // DAY * DAY - 8 * HOUR


def day(at):
    return (EPOCH + timedelta(microseconds=at)).astimezone(SHANGHAI).strftime("%Y%m%d")


def year(at):
    ends = (datetime(int(day(at)[:4]) + more, 1, 1, tzinfo=SHANGHAI) - EPOCH for more in (0, 1))
    return insurance.Period(*(end // timedelta(microseconds=1) for end in ends))


def load(key):
    value = kv.get(key)
    return None if value is None else pickle.loads(value)


def save(key, value):
    try:
        kv.set(key, pickle.dumps(value))
    except Err as error:
        raise Err(insurance.Error_Unknown(f"{key}: {error.value}"))


def once(kind, operation, content, policy, decide):
    """Decides an operation. A key that was seen before is answered as before."""
    kept = load(f"{kind}/{operation.key}")
    if kept is None:
        kept = {"content": content, "member": policy.member, "policy": policy, "books": [], **decide()}
        if kept["books"]:
            save(f"day/{day(operation.at)}", (load(f"day/{day(operation.at)}") or []) + [operation.key])
        save(f"{kind}/{operation.key}", kept)
    elif (kept["content"], kept["member"]) != (content, policy.member):
        raise Err(insurance.Error_Conflict("the key came with other content"))
    return kept["answer"]


def find(kind, reference, letters, policy):
    """Key and value of what a reference of this member names."""
    letter, _, key = reference.partition("-")
    kept = load(f"{kind}/{key}") if letter in letters else None
    return (key, kept) if kept and kept["member"] == policy.member else (None, None)


def ended(kind, key):
    """The answer that ended another: it was cancelled, completed or replaced."""
    by = load(f"end/{kind}/{key}")
    kept = load(f"{kind}/{by}") if by else None
    return kept and kept["answer"]


def standing(pointer):
    """The claim that a pointer leads to, as long as it stands."""
    key = load(pointer)
    kept = load(f"claim/{key}") if key else None
    return key if kept and isinstance(kept["answer"], claims.Response_Adjudicated) and not ended("claim", key) else None


def books(period, named):
    """What was decided in a period, by reference; with what the hospital names, if a list of a day lacks it."""
    days = range(midnight(period.start), period.end, DAY)
    keys = {key for at in days for key in load(f"day/{day(at)}") or []} | {reference[2:] for reference in named}
    sums = {}
    for key in sorted(keys):
        for at, reference, amount in (load(f"claim/{key}") or {"books": []})["books"]:
            if period.start <= at < period.end:
                sums[reference] = sums.get(reference, 0) + amount
    return sums
