"""Every claim of the book: its evidence decides it, and other evidence turns it."""

import pytest
from largemodels.metrics import Interval
from largemodels.page import ClaimError, claim, claims

from tests.book import notebooks, reversal

BOOK = notebooks.book()


@pytest.fixture(autouse=True)
def fresh_page():
    """No claim has been stated yet, nor is one left when the test ends."""
    claims.forget()
    yield
    claims.forget()


def stored(notebook):
    """The claims of a notebook: (record, the bundle that holds it)."""
    return [
        (output["data"][claims.MIME], output["data"])
        for _, cell in notebook.code()
        for output in cell["outputs"]
        if claims.MIME in output.get("data", {})
    ]


EVERY = [
    pytest.param(record, data, id=f"{notebook.name}:{record['name']}")
    for notebook in BOOK
    for record, data in stored(notebook)
]


def state(record, evidence=None):
    """State a claim again, as its cell did, with its own or with other evidence."""
    claim(
        record["sentence"],
        reversal.given(evidence or claims.evidence_of(record)),
        claims.rule_of(record),
        record["verdict"],
        record["name"],
        record["against"],
    )


def reverse(record):
    """See a claim raise on evidence that turns each of its conditions in turn."""
    rule = claims.rule_of(record)
    for words, change in reversal.search(record).turning.items():
        assert change is not None, f"no evidence turns {words or record['rule']!r}"
        try:
            found = claims.decide(rule, change.evidence, record["against"])
            assert found != record["verdict"], change.how
        except ClaimError:
            assert record["against"]  # only there may nothing be decided
        with pytest.raises(ClaimError):
            state(record, change.evidence)


def test_every_cell_that_claims_has_stored_a_record_and_each_name_is_given_once():
    for notebook in BOOK:
        names = [record["name"] for record, _ in stored(notebook)]
        assert len(names) == len(set(names)), notebook.name
        for number, cell in notebook.code():
            if notebooks.calls(cell, "claim"):
                mimes = [set(output.get("data", {})) for output in cell["outputs"]]
                place = f"{notebook.name}, cell {number}"
                assert any(claims.MIME in found for found in mimes), place


@pytest.mark.parametrize(("record", "data"), EVERY)
def test_the_stored_evidence_gives_the_stored_verdict(record, data):
    evidence = claims.evidence_of(record)
    rule = claims.rule_of(record)
    assert claims.decide(rule, evidence, record["against"]) == record["verdict"]
    assert claims.conditions(rule, evidence) == record["conditions"]
    assert notebooks.joined(data["text/html"]) == claims.block(record)
    assert notebooks.joined(data["text/plain"]) == claims.plain(record)


@pytest.mark.parametrize(("record", "data"), EVERY)
def test_reversed_evidence_makes_the_claim_raise(record, data):
    state(record)
    reverse(record)


@pytest.mark.parametrize(("record", "data"), EVERY)
def test_each_piece_of_evidence_matters(record, data):
    assert reversal.faults(record) == []


WIDE, TIGHT = Interval(0.9, 0.85, 0.95, 5), Interval(0.97, 0.968, 0.972, 8)
SOUND = {
    "two intervals": ({"a": TIGHT, "b": WIDE}, "a.low > b.high"),
    "overlapping": ({"a": WIDE, "b": 2.5}, "a.low > b", "a.mean < b"),
    "a tolerance": ({"gap": 2.5e-13}, "gap < 1e-12"),
    "nearness": ({"a": 0.5, "b": 0.501}, "abs(a - b) < 0.01"),
    "exactness": ({"counted": 101_770, "printed": 101_770}, "counted == printed"),
    "ratio": ({"slow": 12.0, "fast": 3.0}, "slow / fast >= 2"),
    "chain": ({"low": 0.2, "p": 0.3, "high": 0.4}, "low <= p <= high"),
    "and": ({"a": 1, "b": 2}, "a < 1.5 and b > 1.5 and b < 5"),
    "or": ({"a": 3, "b": 2}, "a < 1 or b > 5"),
    "one is enough": ({"a": 0.1, "b": 2}, "a < 1 or b > 5"),
    "both are missing": ({"a": 3, "b": 2}, "min(a, b) > 4"),
    "nothing is there": ({"a": 3, "b": 0}, "a > 4 and b == 1"),
    "not": ({"a": 3}, "not a < 1"),
    "extremes": ({"a": 0.1, "b": 0.3, "c": 0.2}, "max(a, b, c) < 0.5"),
    "far": ({"parameters": 1_557_611_200}, "parameters > 1.5e9"),
    "tiny": ({"a": 3e-9, "b": 2e-9}, "a > b"),
    "zero": ({"apart": 0.0, "away": 0.2}, "apart == 0 and away > 0.01"),
    "words": ({"e": 5, "l": 50}, {"early": "e < 10", "late": "l < 10"}),
    "shared": ({"e": 0.1, "c": 1.0}, {"x": "e < c", "y": "e + c < 1"}),
}  # fmt: skip


def record_of(evidence, rule, against=None, verdict=None):
    """A record as a page would store it; the verdict that the evidence gives."""
    verdict = verdict or claims.decide(rule, evidence, against)
    stored = {
        key: {"mean": v.mean, "low": v.low, "high": v.high, "n": v.n, "text": str(v)}
        if isinstance(v, Interval)
        else {"value": v, "text": str(v)}
        for key, v in evidence.items()
    }
    return {
        "name": "made-up",
        "sentence": "Something is so.",
        "names": list(evidence),
        "evidence": stored,
        "rule": [*map(list, rule.items())] if isinstance(rule, dict) else rule,
        "against": against,
        "verdict": verdict,
        "conditions": claims.conditions(rule, evidence),
    }


@pytest.mark.parametrize("case", SOUND.values(), ids=SOUND)
def test_sound_claims_are_turned(case):
    record = record_of(*case)
    assert reversal.faults(record) == []
    state(record)
    reverse(record)


IDLE = {
    "always true": ({"a": 1.0}, "abs(a) >= 0", "no evidence turns"),
    "always false": ({"a": WIDE}, "a.low > a.high", "no evidence turns"),
    "its own middle": ({"a": WIDE}, "a.low <= a.mean", "no evidence turns"),
    "multiplied by nothing": ({"a": 1.0, "b": 2.0}, "0 * a + b > 1", "a by itself"),
    "canceled": ({"a": 1.0, "b": 2.0}, "a - a < b", "a by itself"),
    "covered": ({"a": 1.0, "b": 2.0}, "a > 0 or a <= 0 or b > 1", "no evidence turns"),
    "one idle condition": (
        {"a": 1.0, "b": 2.0},
        {"x": "a < b", "y": "abs(b) > -1"},
        "no evidence turns 'y'",
    ),
}


@pytest.mark.parametrize(("evidence", "rule", "said"), IDLE.values(), ids=IDLE)
def test_claims_that_nothing_turns_are_found(evidence, rule, said):
    assert any(said in fault for fault in reversal.faults(record_of(evidence, rule)))


def test_reversing_a_claim_that_nothing_turns_fails():
    with pytest.raises(AssertionError, match="no evidence turns"):
        reverse(record_of({"a": 1.0}, "abs(a) >= 0"))


def test_evidence_against_is_reversed_too():
    evidence = {"a": Interval(1.0, 0.8, 1.2, 5), "b": 2.0, "c": 3.0}
    record = record_of(evidence, "a.low > b", against="a.high < b")
    assert reversal.faults(record) == ["c by itself turns nothing"]
    record["names"].remove("c")
    assert reversal.faults(record) == []
    reverse(record)


def test_an_interval_is_moved_as_a_whole():
    shifted = reversal.moved(Interval(0.5, 0.4, 0.7, 8), 2.5)
    assert (shifted.mean, shifted.n) == (2.5, 8)
    # one rounding of numbers near 2
    assert shifted.low == pytest.approx(2.4, rel=0, abs=1e-15)
    assert shifted.high == pytest.approx(2.7, rel=0, abs=1e-15)
