"""claim(): the evidence decides, and what is written down must agree."""

import html.parser
import json

import numpy as np
import pytest
from largemodels.metrics import Interval, mean_interval
from largemodels.page import ClaimError, claim, claims

from tests.page import kernels

PLAIN = Interval(0.9712, 0.9683, 0.9741, 8)
DOUBLED = Interval(0.912, 0.889, 0.935, 8)


@pytest.fixture
def record(monkeypatch):
    """State a claim and return what it publishes."""
    published = []
    monkeypatch.setattr(claims, "publish", published.append)

    def state(**changes):
        settings = {
            "sentence": "One softmax too many costs accuracy.",
            "evidence": {"plain": PLAIN, "doubled": DOUBLED},
            "rule": "plain.low > doubled.high",
            "verdict": "holds",
            "name": "one-softmax-too-many",
        }
        claim(**(settings | changes))
        return published[-1]

    return state


def test_what_is_published(record):
    bundle = record()
    assert bundle[claims.MIME] == {
        "name": "one-softmax-too-many",
        "sentence": "One softmax too many costs accuracy.",
        "names": ["plain", "doubled"],
        "evidence": {
            "plain": {
                "mean": 0.971,
                "low": 0.968,
                "high": 0.974,
                "n": 8,
                "text": "0.971 ± 0.003",
            },
            "doubled": {
                "mean": 0.91,
                "low": 0.89,
                "high": 0.94,
                "n": 8,
                "text": "0.91 ± 0.02",
            },
        },
        "rule": "plain.low > doubled.high",
        "against": None,
        "conditions": {"": True},
        "verdict": "holds",
    }
    assert bundle["text/plain"] == (
        "Claim: One softmax too many costs accuracy.\n"
        "Verdict: holds\n"
        "Evidence: plain = 0.971 ± 0.003 (n = 8); doubled = 0.91 ± 0.02 (n = 8)\n"
        "Rule: plain.low > doubled.high"
    )
    json.dumps(bundle[claims.MIME], allow_nan=False)


class Outline(html.parser.HTMLParser):
    """Tags opened and closed, classes, and the text."""

    def __init__(self):
        super().__init__()
        self.open, self.classes, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.classes += (dict(attrs).get("class") or "").split()
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize(
    ("verdict", "rule", "name"),
    [
        ("holds", "a < b", "lm-claim-holds"),
        ("does not hold", "a > b", "lm-claim-fails"),
        ("holds when <tiny>", {"<tiny>": "a < b", "x": "a > b"}, "lm-claim-when"),
    ],
)
def test_the_block_is_html_and_says_its_verdict(record, verdict, rule, name):
    bundle = record(
        sentence="a < b & so on", evidence={"a": 1, "b": 2}, rule=rule, verdict=verdict
    )
    outline = Outline()
    outline.feed(bundle["text/html"])
    assert outline.open == []
    assert {"lm-claim", name, "lm-claim-evidence", "lm-claim-rule"} <= set(
        outline.classes
    )
    assert f"Verdict: {verdict}." in outline.text
    assert "a < b & so on" in outline.text
    assert (rule if isinstance(rule, str) else "<tiny>: a < b") in outline.text


def test_a_rule_in_one_condition_holds_or_does_not(record):
    record(evidence={"a": 1, "b": 2}, rule="a < b", verdict="holds")
    record(evidence={"a": 1, "b": 2}, rule="a > b", verdict="does not hold")


CONDITIONS = {"early": "a < 10", "late": "b < 10", "always": "c < 10"}


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((1, 2, 3), "holds"),
        ((1, 20, 3), "holds when early, or always"),
        ((10, 20, 3), "holds when always"),
        ((10, 20, 30), "does not hold"),
    ],
)
def test_conditions_that_are_true_are_named_in_order(record, values, verdict):
    evidence = dict(zip("abc", values, strict=True))
    bundle = record(evidence=evidence, rule=CONDITIONS, verdict=verdict)
    expected = [value < 10 for value in values]
    assert list(bundle[claims.MIME]["conditions"].values()) == expected


@pytest.mark.parametrize("written", ["does not hold", "holds when early", "Holds", ""])
def test_another_verdict_than_the_evidence_gives_raises(record, written):
    with pytest.raises(ClaimError) as caught:
        record(verdict=written)
    assert f"the verdict written is {written!r}" in str(caught.value)
    assert "the evidence gives 'holds'" in str(caught.value)
    assert "plain.low > doubled.high" in str(caught.value)


def test_without_evidence_against_nothing_is_decided(record):
    settings = {
        "evidence": {"a": Interval(1.0, 0.5, 1.5, 5), "b": Interval(1.2, 0.9, 1.5, 5)},
        "rule": "a.low > b.high",
        "verdict": "does not hold",
    }
    record(**settings)
    with pytest.raises(ClaimError, match="decides nothing") as caught:
        record(**settings, against="a.high < b.low")
    assert "a.low > b.high" in str(caught.value)
    assert "a.high < b.low" in str(caught.value)
    bundle = record(**settings, against="a.mean < b.mean")
    assert bundle["text/plain"].endswith("Against: a.mean < b.mean")
    assert "Against: <code>a.mean &lt; b.mean</code>" in bundle["text/html"]


def test_too_close_to_call_at_the_printed_digits(record):
    with pytest.raises(ClaimError, match="too close to call") as caught:
        record(evidence={"a": 1.2341, "b": 1.2342}, rule="a < b")
    assert "a = 1.23; b = 1.23" in str(caught.value)
    record(evidence={"a": (1.2341, 5), "b": (1.2342, 5)}, rule="a < b")
    with pytest.raises(ClaimError, match="too close to call"):
        # printed with one digit of its half-width, the interval ends at 0.12
        record(
            evidence={"a": Interval(0.115, 0.105, 0.1249, 5), "b": 0.1213},
            rule="a.high > b",
        )


def test_rounded_evidence_that_divides_by_zero_is_too_close_to_call(record):
    with pytest.raises(ClaimError, match="too close to call"):
        record(evidence={"a": 1.0001, "b": 1.0002}, rule="1 / (b - a) > 1")


@pytest.mark.parametrize(
    ("given", "value", "text"),
    [
        (124_439_808, 124439808, "124,439,808"),
        (np.int64(7), 7, "7"),
        (0.123456, 0.123, "0.123"),
        (np.float32(0.5), 0.5, "0.5"),
        (1234.56, 1230.0, "1,230"),
        (0.00012345, 0.000123, "0.000123"),
        (0.000012345, 1.23e-5, "1.23e-5"),
        (1.0e-12, 1e-12, "1e-12"),
        (6.02214e23, 6.02e23, "6.02e+23"),
        (0.0, 0.0, "0"),
        (-1.5, -1.5, "-1.5"),
        ((0.123456, 5), 0.12346, "0.12346"),
        ((123_456, 2), 120000, "120,000"),
        ((9.99, 2), 10.0, "10"),
    ],
)
def test_numbers_are_kept_as_they_are_printed(record, given, value, text):
    bundle = record(evidence={"a": given}, rule="a < 1e99")
    assert bundle[claims.MIME]["evidence"]["a"] == {"value": value, "text": text}
    assert type(bundle[claims.MIME]["evidence"]["a"]["value"]) is type(value)


def test_intervals_are_kept_as_they_are_printed(record):
    lopsided = Interval(0.99, 0.941, 0.998, 100)
    equal = mean_interval([1 / 3, 1 / 3, 1 / 3])
    wide = Interval(1234.0, 1034.0, 1434.0, 5)
    bundle = record(
        evidence={"a": lopsided, "b": equal, "c": wide},
        rule="a.low > 0.9 and b.mean < 1 and c.low > 9",
    )
    stored = bundle[claims.MIME]["evidence"]
    assert stored["a"] == {
        "mean": 0.99,
        "low": 0.94,
        "high": 1.0,
        "n": 100,
        "text": "0.99 [0.94, 1.00]",
    }
    assert (stored["b"]["mean"], stored["b"]["text"]) == (0.333, "0.333 ± 0")
    assert (stored["c"]["low"], stored["c"]["text"]) == (1000.0, "1200 ± 200")


def test_the_record_gives_its_own_verdict_again(record):
    bundle = record(
        evidence={"c": 3, "a": PLAIN, "b": 0.95123},
        rule={"y": "c > a.high", "x": "a.low > b"},
        against="c < 1",
    )
    # As it comes back from a notebook, whose keys are sorted.
    stored = json.loads(json.dumps(bundle[claims.MIME], sort_keys=True))
    assert claims.plain(stored) == bundle["text/plain"]
    assert claims.block(stored) == bundle["text/html"]
    evidence, rule = claims.evidence_of(stored), claims.rule_of(stored)
    assert claims.decide(rule, evidence, stored["against"]) == "holds"
    assert list(evidence) == ["c", "a", "b"]
    assert list(rule) == ["y", "x"]
    assert evidence["a"] == Interval(0.971, 0.968, 0.974, 8)
    assert record(evidence=evidence, rule=rule, against="c < 1")[claims.MIME] == stored


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"evidence": {"plain": PLAIN}}, "doubled: no such evidence"),
        (
            {"evidence": {"plain": PLAIN, "doubled": DOUBLED, "idle": 1}},
            "does not use the evidence idle",
        ),
        ({"evidence": {}}, "evidence is a dictionary"),
        ({"evidence": [1, 2]}, "evidence is a dictionary"),
        ({"evidence": {"no name": 1}}, "identifiers"),
        ({"evidence": {"a": float("nan")}, "rule": "a < 1"}, "is finite"),
        ({"evidence": {"a": float("inf")}, "rule": "a > 1"}, "is finite"),
        (
            {"evidence": {"a": Interval(1, 0, float("inf"), 3)}, "rule": "a.low < 1"},
            "is finite",
        ),
        ({"evidence": {"a": True}, "rule": "a > 0"}, "a number or an interval"),
        ({"evidence": {"a": "1"}, "rule": "a > 0"}, "a number or an interval"),
        ({"evidence": {"a": (1.0, 0)}, "rule": "a > 0"}, r"\(value, digits\)"),
        ({"evidence": {"a": (1.0, 2.0)}, "rule": "a > 0"}, r"\(value, digits\)"),
        ({"evidence": {"a": (PLAIN, 2)}, "rule": "a.low > 0"}, "by its own rule"),
        ({"rule": {}}, "without a condition"),
        ({"rule": {"": "plain.low > doubled.high"}}, "in words"),
        ({"against": "plain.low > other"}, "other: no such evidence"),
        ({"sentence": " "}, "a claim is a sentence"),
        ({"name": "One-Softmax"}, "kebab-case"),
        ({"name": "one_softmax"}, "kebab-case"),
        ({"name": "one--softmax"}, "kebab-case"),
        ({"name": None}, "kebab-case"),
    ],
)
def test_a_claim_that_is_not_stated_properly_is_refused(record, changes, reason):
    with pytest.raises(ClaimError, match=reason):
        record(**changes)


def test_a_name_is_given_once_on_a_page_but_a_cell_may_run_again(record):
    record()
    record()
    with pytest.raises(ClaimError, match="already belongs to 'One softmax too many"):
        record(sentence="Another sentence.")


def test_in_a_notebook_a_claim_is_shown_and_a_wrong_one_is_one_line():
    setup = "from largemodels.page import begin, claim\nbegin()"
    source = "claim('Up.', {{'a': 1, 'b': 2}}, 'a < b', {!r}, 'up')"
    cells = [source.format(verdict) for verdict in ("holds", "does not hold")]
    _, good, wrong = kernels.run(setup, *cells, errors=True)
    (output,) = good
    assert output["output_type"] == "display_data"
    assert set(output["data"]) == {"text/plain", "text/html", claims.MIME}
    assert output["data"][claims.MIME]["verdict"] == "holds"
    message = (
        "up: the verdict written is 'does not hold', but the evidence gives 'holds': "
        "a = 1; b = 2, by a < b"
    )
    (error,) = wrong
    assert error["ename"] == "ClaimError"
    assert error["evalue"] == message
    assert error["traceback"] == [f"ClaimError: {message}"]
