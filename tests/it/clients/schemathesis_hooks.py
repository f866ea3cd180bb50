"""What Schemathesis is told of this API beyond its description.

It draws ids and texts at random, which finds nothing that exists. So what the server
answers is kept, by the prefix of its ids and by the names of its members, and put in the
place of most of what was drawn for an id or for a member of that name. Some operations
are called with whole requests that are known to be good, and with such requests changed
in one member.

FIXTURES: a file of `{"seed": …, "own": [what must outlive the run, …], "members": {name:
[value, …]}, "bodies": {"POST /path": [body, …]}}`. TALLY: where it is written which
operation was answered what, how often.
"""

import atexit
import copy
import json
import os
import random
import re

import schemathesis

ID = re.compile(r"^([a-z]+)-[0-9a-z]{26}$")
PREFIX = re.compile(r"^`([a-z]+)-…`$")
# Of what is kept of a kind, the first, which tests made, and the latest.
KEPT = 24

with open(os.environ["FIXTURES"], encoding="utf-8") as file:
    FIXTURES = json.load(file)

chance = random.Random(FIXTURES["seed"])
ids: dict[str, list[str]] = {}
members: dict[str, list] = {name: list(values) for name, values in FIXTURES["members"].items()}
tally: dict[str, dict[str, int]] = {}


def keep(values, value):
    if value not in values and value not in FIXTURES["own"]:
        if len(values) >= KEPT:
            del values[KEPT // 2]
        values.append(value)


def learn(value, name=None):
    """Keeps the ids and the short values of an answer."""
    if isinstance(value, dict):
        for key, inner in value.items():
            learn(inner, key)
    elif isinstance(value, list):
        for inner in value[:8]:
            learn(inner, name)
    elif isinstance(value, str) and (found := ID.match(value)):
        keep(ids.setdefault(found[1], []), value)
        keep(members.setdefault(name, []), value)
    elif name and isinstance(value, str) and 0 < len(value) <= 64:
        keep(members.setdefault(name, []), value)


for values in FIXTURES["members"].values():
    learn(values)


def operation_of(case):
    return f"{case.method} {case.operation.path}"


def meet(value, name=None):
    """The same, with known values in most of the places that have one of that name."""
    if isinstance(value, dict):
        return {key: meet(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [meet(inner, name) for inner in value]
    if isinstance(value, str) and members.get(name) and chance.random() < 0.8:
        return chance.choice(members[name])
    return value


def bent(good, drawn):
    """A good body, sometimes with one member as it was drawn, or without it."""
    body = copy.deepcopy(good)
    if body and chance.random() < 0.6:
        name = chance.choice(list(body))
        if isinstance(drawn, dict) and name in drawn:
            body[name] = drawn[name]
        elif chance.random() < 0.3:
            del body[name]
    return body


@schemathesis.serializer("application/wasm", "application/vnd.xinglin.bundle+tar")
def as_bytes(ctx, value):
    data = getattr(value, "data", value)
    return {"data": data if isinstance(data, bytes) else str(data).encode()}


@schemathesis.hook
def before_call(ctx, case, kwargs):
    for parameter in case.operation.path_parameters:
        name = parameter.name
        told = PREFIX.match(parameter.definition.get("description", ""))
        known = ids.get(told[1], []) if told else members.get(name, [])
        if known and name in case.path_parameters and chance.random() < 0.8:
            case.path_parameters[name] = chance.choice(known)
        # Schemathesis learns from answers as well.
        if case.path_parameters.get(name) in FIXTURES["own"]:
            case.path_parameters[name] = "nobody"
    if isinstance(case.query, dict):
        case.query = meet(case.query)
    good = FIXTURES["bodies"].get(operation_of(case))
    if good and chance.random() < 0.6:
        case.body = bent(chance.choice(good), case.body)
    elif isinstance(case.body, dict):
        case.body = meet(case.body)


@schemathesis.hook
def after_call(ctx, case, response):
    statuses = tally.setdefault(operation_of(case), {})
    status = str(response.status_code)
    statuses[status] = statuses.get(status, 0) + 1
    if response.status_code < 300:
        try:
            learn(response.json())
        except ValueError:
            pass


@atexit.register
def tell():
    with open(os.environ["TALLY"], "w", encoding="utf-8") as file:
        json.dump(tally, file)
