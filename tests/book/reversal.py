"""Turning evidence round: what a claim must not survive.

A claim is worth its rule. For each condition there must be evidence that turns it, and
each piece of evidence must somewhere decide by itself: a claim that no evidence can
turn says nothing. The search starts from the evidence of the claim, changes it in a
systematic set of ways, and goes on from what has turned some comparison.
"""

import ast
import itertools
from dataclasses import dataclass, field

from largemodels.metrics import Interval
from largemodels.page import claims
from largemodels.page.rules import ClaimError, evaluate, names, parse

FACTORS = (-1.0, 0.5, 0.9, 1.1, 2.0, 10.0, 1e3, 1e6, 1e-3, 1e-6)
SHIFTS = [sign * 10.0**power for power in range(-12, 13, 2) for sign in (1, -1)]
MOST_STATES = 30


@dataclass(frozen=True)
class Change:
    """Changed evidence, the names that were changed, and how."""

    evidence: dict
    names: frozenset
    how: str


@dataclass
class Search:
    """What a search finds: the change that turns each condition, and idle evidence."""

    turning: dict
    idle: set = field(default_factory=set)


def expressions(record):
    """All expressions of a claim: its conditions, and the rule against."""
    rule = claims.rule_of(record)
    rules = list(rule.values()) if isinstance(rule, dict) else [rule]
    return rules + ([record["against"]] if record["against"] else [])


def comparisons(rules):
    """The comparisons in some expressions, each once, as the pairs of sides."""
    found = {}
    for node in itertools.chain.from_iterable(ast.walk(parse(rule)) for rule in rules):
        if isinstance(node, ast.Compare):
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            found[ast.unparse(node)] = list(itertools.pairwise(sides))
    return found


def middle(value):
    return float(value.mean if isinstance(value, Interval) else value)


def moved(value, place):
    """The same evidence with its middle elsewhere; an interval keeps its arms."""
    if not isinstance(value, Interval):
        return float(place)
    by = place - value.mean
    low, high = min(place, value.low + by), max(place, value.high + by)
    return Interval(place, low, high, value.n)


def changes(rules, evidence):
    """The changes that are tried.

    Swaps: two names on the two sides of a comparison exchange their values. Alone: a
    name is moved to each number that the claim knows (constants, other evidence),
    reflected about it, scaled, shifted. Together: all names of a comparison are moved
    to one place.
    """
    found = comparisons(rules)
    for left, right in itertools.chain.from_iterable(found.values()):
        for a, b in itertools.product(sorted(names(left)), sorted(names(right))):
            one, other = evidence[a], evidence[b]
            swapped = {a: moved(one, middle(other)), b: moved(other, middle(one))}
            how = f"{a} and {b} swapped"
            yield Change(evidence | swapped, frozenset((a, b)), how)
    for name, value in evidence.items():
        for place in places(middle(value), known(rules, evidence)):
            changed = evidence | {name: moved(value, place)}
            yield Change(changed, frozenset((name,)), f"{name} at {place:g}")
    for comparison in found:
        together = names(comparison)
        first = middle(evidence[min(together)]) if together else 0.0
        for place in places(first, known(rules, evidence)):
            changed = {name: moved(evidence[name], place) for name in together}
            how = f"{', '.join(sorted(together))} at {place:g}"
            yield Change(evidence | changed, frozenset(together), how)


def known(rules, evidence):
    """The numbers that a claim knows: its constants, and the bounds of its evidence."""
    numbers = {
        float(node.value)
        for rule in rules
        for node in ast.walk(parse(rule))
        if isinstance(node, ast.Constant)
    }
    for value in evidence.values():
        bounds = (value.low, value.high) if isinstance(value, Interval) else ()
        numbers.update(map(float, (middle(value), *bounds)))
    return sorted(numbers)


def places(here, numbers):
    """Where a number is moved to: about what is known, scaled, and shifted."""
    for number in numbers:
        step = abs(number) or 1.0
        yield from (number, 2 * number - here, here - number, here + number)
        yield from (number + share * step for share in (0.5, -0.5, 0.01, -0.01))
    yield from (here * factor for factor in FACTORS)
    yield from (here + shift for shift in SHIFTS)


def values(rules, evidence):
    """The value of each expression; None where they have none (a division by zero)."""
    try:
        return [evaluate(rule, evidence) for rule in rules]
    except ClaimError:
        return None


def search(record):
    """Look for evidence that turns the conditions of a claim, and for idle evidence.

    A name is idle if, wherever the search has come, changing it alone turns nothing.
    """
    start = claims.evidence_of(record)
    rules = expressions(record)
    parts = list(comparisons(rules))
    conditions = list(claims.conditions(claims.rule_of(record), start))
    found = Search(dict.fromkeys(conditions), set(start))
    original = values(rules, start)
    states, seen = [start], [values(parts, start)]
    for state in states:
        before = values(rules, state)
        for change in changes(rules, state):
            after = values(rules, change.evidence)
            if after is None:
                continue
            for place, words in enumerate(conditions):
                if after[place] != original[place] and found.turning[words] is None:
                    found.turning[words] = change
            if len(change.names) == 1 and after != before:
                found.idle -= change.names
            pattern = values(parts, change.evidence)
            if pattern not in seen and len(states) < MOST_STATES:
                seen.append(pattern)
                states.append(change.evidence)
        if not found.idle and None not in found.turning.values():
            break
    return found


def faults(record):
    """What is wrong with a claim: conditions and evidence that decide nothing."""
    found = search(record)
    rule = record["rule"]
    return [
        f"no evidence turns {words or rule!r}"
        for words, change in found.turning.items()
        if change is None
    ] + [f"{name} by itself turns nothing" for name in sorted(found.idle)]


def given(evidence):
    """Evidence as `claim` takes it, with all its digits."""
    return {
        key: value if isinstance(value, Interval | int) else (value, 15)
        for key, value in evidence.items()
    }
