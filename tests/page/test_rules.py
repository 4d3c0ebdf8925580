"""The language of rules: what it says, and what it refuses."""

import pytest
from largemodels.metrics import Interval
from largemodels.page import rules
from largemodels.page.rules import ClaimError, evaluate

EVIDENCE = {"a": 2, "b": 3.5, "c": Interval(1.0, 0.5, 1.5, 8)}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("a < b", True),
        ("a > b", False),
        ("a <= 2 and a >= 2 and a == 2", True),
        ("a != 2", False),
        ("a > 2 or a < 2", False),
        ("a != 3 and b == 3.5", True),
        ("1 < a < b < 4", True),
        ("1 < a < b < 3", False),
        ("c.low < c.mean < c.high", True),
        ("c.high < a", True),
        ("abs(a - b) == 1.5", True),
        ("min(a, b) == 2 and max(a, b, 9) == 9", True),
        ("-a + 2 * b / 7 - 1 == -2", True),
        ("not a > b", True),
        ("a > b or b > a", True),
        ("a > b or b > 4", False),
        ("a > b and b > a", False),
        ("  (a < 1e3)\n", True),
    ],
)
def test_rules_are_arithmetic_and_logic(rule, value):
    assert evaluate(rule, EVIDENCE) is value


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("a +", "is no expression"),
        ("a = 2", "is no expression"),
        ("a", "is a number, not a condition"),
        ("a + b", "is a number, not a condition"),
        ("(a < b) + 1 > 0", "is a condition, not a number"),
        ("a and a < b", "is a number, not a condition"),
        ("not a", "is a number, not a condition"),
        ("d > 1", "no evidence is named 'd'"),
        ("c > 1", "write .mean, .low or .high"),
        ("a.mean > 1", "is a number and has no .mean"),
        ("c.n > 1", "is not .mean, .low or .high"),
        ("c.low.real > 1", "is not .mean, .low or .high"),
        ("a / (b - b) > 1", "divides by zero"),
        ("a ** 2 > 1", "is not one of"),
        ("a % 2 > 1", "is not one of"),
        ("a in (1, 2)", "not in the language"),
        ("a is 2", "is not one of"),
        ("True", "is not a number"),
        ("a < True", "is not a number"),
        ("a < '3'", "is not a number"),
        ("a < 3j", "is not a number"),
        ("~a < 1", "not in the language"),
        ("+a < 1", "not in the language"),
        ("a if a < b else b", "not in the language"),
        ("[a][0] < 1", "not in the language"),
        ("round(a) < 1", "is not abs, min or max"),
        ("abs(a, b) < 1", "takes one"),
        ("max(a) < 1", "takes several"),
        ("min() < 1", "takes several"),
        ("max(a, b, key=a) < 1", "is not abs, min or max"),
        ("max(*a) < 1", "not in the language"),
        ("__import__('os') < 1", "is not abs, min or max"),
        ("a.__class__ < 1", "is not .mean"),
        ("(lambda: a)() < 1", "is not abs, min or max"),
        ("(a := 3) > 1", "not in the language"),
        ("a < b or a / (b - b) > 1", "divides by zero"),  # nothing is skipped
    ],
)
def test_what_is_refused_is_named_with_its_rule(rule, reason):
    with pytest.raises(ClaimError) as caught:
        evaluate(rule, EVIDENCE)
    assert reason in str(caught.value)
    assert repr(rule) in str(caught.value)


def test_a_rule_is_text():
    with pytest.raises(ClaimError, match="a rule is a string, got True"):
        evaluate(True, EVIDENCE)


def test_names_are_those_of_the_evidence():
    assert rules.names("abs(a - c.low) < max(b, 2)") == {"a", "b", "c"}
    assert rules.names("abs(abs) < 1") == {"abs"}
