"""claim(): a sentence, its evidence, the rule that decides, and the verdict.

The rule computes the verdict from the evidence; the author writes the verdict down as
well; where the two part, the page does not run. What is stored is rounded to the digits
that are printed, and the rounded evidence must give the same verdict.
"""

import html
import math
import numbers
from decimal import Decimal

from largemodels.metrics import Interval
from largemodels.page.output import publish
from largemodels.page.rules import BOUNDS, ClaimError, evaluate, names

MIME = "application/vnd.largemodels.claim+json"
DIGITS = 3
_sentences = {}  # name -> sentence, of the claims on this page


def claim(sentence, evidence, rule, verdict, name, against=None):
    """State a sentence with its evidence, and have the evidence decide it.

    sentence  what people say, as a sentence
    evidence  name -> an integer (kept as it is), a float (3 significant digits),
              (value, digits), or a metrics.Interval (one digit of its half-width)
    rule      an expression over these names, or {condition in words: expression}
    verdict   "holds", "does not hold", or where some of the conditions are true
              "holds when <condition>[, or <condition>]", in the rule's order
    name      kebab-case, once on a page
    against   an expression that must be true for "does not hold"

    Raises ClaimError where the evidence gives another verdict or decides nothing, where
    the digits that are printed would give another one, and where evidence and rule do
    not name the same things.
    """
    _check_words(sentence, name)
    _check_names(evidence, rule, against)
    exact = {key: _value(key, given) for key, given in evidence.items()}
    shown = {key: _rounded(given, exact[key]) for key, given in evidence.items()}
    found = decide(rule, exact, against)
    if _decide_rounded(rule, shown, against) != found:
        raise ClaimError(
            f"{name}: too close to call: rounded to the digits that are printed "
            f"({_listed(shown)}), the evidence no longer gives {found!r}, "
            f"by {_said(rule)}"
        )
    if found != verdict:
        raise ClaimError(
            f"{name}: the verdict written is {verdict!r}, but the evidence gives "
            f"{found!r}: {_listed(shown)}, by {_said(rule)}"
        )
    _sentences[name] = sentence
    record = {
        "name": name,
        "sentence": sentence,
        "names": list(evidence),  # in order: a notebook's keys are sorted
        "evidence": {key: _stored(value, exact[key]) for key, value in shown.items()},
        "rule": [*map(list, rule.items())] if isinstance(rule, dict) else rule,
        "against": against,
        "conditions": conditions(rule, exact),
        "verdict": verdict,
    }
    publish({"text/plain": plain(record), "text/html": block(record), MIME: record})


def decide(rule, evidence, against=None):
    """The verdict that the evidence gives by the rule.

    Raises ClaimError where no condition is true and `against` is not true either: then
    the evidence decides nothing.
    """
    values = conditions(rule, evidence)
    true = [words for words, value in values.items() if value]
    if len(true) == len(values):
        return "holds"
    if true:
        return "holds when " + ", or ".join(true)
    if against is not None and not evaluate(against, evidence):
        raise ClaimError(
            f"the evidence decides nothing: {_said(rule)} is not true, and neither is "
            f"the rule against, {against!r}"
        )
    return "does not hold"


def conditions(rule, evidence):
    """Condition in words -> whether it is true; one string has the words ""."""
    rules = rule if isinstance(rule, dict) else {"": rule}
    return {words: evaluate(text, evidence) for words, text in rules.items()}


def evidence_of(record):
    """The evidence of a stored record, as `decide` and `claim` take it."""
    return {
        key: Interval(*(stored[bound] for bound in BOUNDS), stored["n"])
        if "mean" in stored
        else stored["value"]
        for key, stored in _in_order(record)
    }


def rule_of(record):
    """The rule of a stored record, as `decide` and `claim` take it."""
    return record["rule"] if isinstance(record["rule"], str) else dict(record["rule"])


def forget():
    """Forget the names of this page's claims: the page begins again."""
    _sentences.clear()


def _check_words(sentence, name):
    """Raise ClaimError unless the sentence and the name can stand on a page."""
    if not isinstance(sentence, str) or not sentence.strip():
        raise ClaimError(f"a claim is a sentence, got {sentence!r}")
    words = name.split("-") if isinstance(name, str) else [""]
    if not all(word.isalnum() and word == word.lower() for word in words):
        raise ClaimError(f"name is kebab-case, like loss-halves, got {name!r}")
    if _sentences.get(name, sentence) != sentence:
        raise ClaimError(
            f"name {name!r} already belongs to {_sentences[name]!r} on this page"
        )


def _check_names(evidence, rule, against):
    """Raise ClaimError unless the evidence and the rules name the same things."""
    if not isinstance(evidence, dict) or not evidence:
        raise ClaimError(f"evidence is a dictionary of name: value, got {evidence!r}")
    for key in evidence:
        if not isinstance(key, str) or not key.isidentifier():
            raise ClaimError(f"evidence is named by identifiers, got {key!r}")
    if isinstance(rule, dict) and not all(
        isinstance(words, str) and words.strip() for words in rule
    ):
        raise ClaimError(f"conditions are said in words, got {list(rule)}")
    rules = list(rule.values()) if isinstance(rule, dict) else [rule]
    if not rules:
        raise ClaimError("a rule without a condition decides nothing")
    used = set().union(*map(names, [*rules, *([against] if against else [])]))
    if used - set(evidence):
        missing = ", ".join(sorted(used - set(evidence)))
        raise ClaimError(f"the rule {_said(rule)!r} names {missing}: no such evidence")
    if set(evidence) - used:
        idle = ", ".join(sorted(set(evidence) - used))
        raise ClaimError(f"the rule {_said(rule)!r} does not use the evidence {idle}")


def _value(key, given):
    """The value of one piece of evidence, as it was measured."""
    if isinstance(given, tuple):
        if len(given) != 2 or type(given[1]) is not int or given[1] < 1:
            raise ClaimError(f"{key}: write (value, digits), got {given!r}")
        given = given[0]
        if isinstance(given, Interval):
            raise ClaimError(f"{key}: an interval has its digits by its own rule")
    if isinstance(given, Interval):
        if not all(math.isfinite(getattr(given, bound)) for bound in BOUNDS):
            raise ClaimError(f"{key}: evidence is finite; count what is not: {given!r}")
        return given
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise ClaimError(f"{key}: a number or an interval, got {given!r}")
    if not math.isfinite(given):
        raise ClaimError(f"{key}: evidence is finite; count what is not: {given}")
    return int(given) if isinstance(given, numbers.Integral) else float(given)


def _rounded(given, value):
    """One piece of evidence with the digits that are printed."""
    if isinstance(value, Interval):
        return _rounded_interval(value)
    if isinstance(given, tuple):
        return _significant(value, given[1])
    return value if isinstance(value, int) else _significant(value, DIGITS)


def _rounded_interval(value):
    """An interval on the decimal place of its half-width's one digit."""
    half = float(value.half)
    if half == 0:
        bounds = [_significant(float(value.mean), DIGITS)] * 3
    else:
        place = -int(f"{half:.0e}".split("e")[1])
        bounds = [round(float(getattr(value, bound)), place) for bound in BOUNDS]
    return Interval(*bounds, int(value.n))


def _significant(value, digits):
    """The value with so many significant digits."""
    rounded = float(f"{value:.{digits - 1}e}")
    return int(rounded) if isinstance(value, int) else rounded


def _decide_rounded(rule, evidence, against):
    """The verdict of the rounded evidence; None where that decides nothing."""
    try:
        return decide(rule, evidence, against)
    except ClaimError:
        return None


def _stored(value, exact):
    """One piece of rounded evidence as the record keeps it."""
    if isinstance(value, Interval):
        bounds = {bound: getattr(value, bound) for bound in BOUNDS}
        text = str(exact) if exact.half > 0 else str(value)
        return {**bounds, "n": value.n, "text": text}
    return {"value": value, "text": _text(value)}


def _text(value):
    """A rounded value as it is read: 0.00125, 1.2e-9, 124,439,808."""
    if isinstance(value, Interval):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    exact = Decimal(repr(value)).normalize()
    if value != 0 and not 1e-4 <= abs(value) < 1e7:
        return f"{exact:e}"
    return f"{exact:,f}"


def _listed(evidence):
    return "; ".join(f"{key} = {_text(value)}" for key, value in evidence.items())


def _said(rule):
    """The rule in one line."""
    if isinstance(rule, dict):
        return "; ".join(f"{words}: {text}" for words, text in rule.items())
    return rule


def _read(stored):
    """Stored evidence as it is read: with the number of runs behind an interval."""
    return stored["text"] + (f" (n = {stored['n']})" if "n" in stored else "")


def _in_order(record):
    return [(name, record["evidence"][name]) for name in record["names"]]


def plain(record):
    """A claim's block as plain text."""
    evidence = (f"{key} = {_read(item)}" for key, item in _in_order(record))
    lines = [
        f"Claim: {record['sentence']}",
        f"Verdict: {record['verdict']}",
        f"Evidence: {'; '.join(evidence)}",
        f"Rule: {_said(rule_of(record))}",
    ]
    if record["against"]:
        lines.append(f"Against: {record['against']}")
    return "\n".join(lines)


def block(record):
    """A claim's block as an HTML fragment; the verdict stands there in words."""
    verdict = record["verdict"]
    kind = {"holds": "holds", "does not hold": "fails"}.get(verdict, "when")
    escape = html.escape
    evidence = "".join(
        f"<li><code>{escape(key)}</code> = {escape(_read(item))}</li>"
        for key, item in _in_order(record)
    )
    rule = rule_of(record)
    rules = rule if isinstance(rule, dict) else {"": rule}
    said = "<br>".join(
        (f"{escape(words)}: " if words else "") + f"<code>{escape(text)}</code>"
        for words, text in rules.items()
    )
    if record["against"]:
        said += f"<br>Against: <code>{escape(record['against'])}</code>"
    return (
        f'<div class="lm-claim lm-claim-{kind}" role="group" aria-label="Claim" '
        'style="border-left: 4px solid; padding-left: 1em">'
        f'<p class="lm-claim-sentence"><strong>Claim.</strong> '
        f"{escape(record['sentence'])}</p>"
        f'<p class="lm-claim-verdict"><strong>Verdict: {escape(verdict)}.</strong></p>'
        f'<ul class="lm-claim-evidence">{evidence}</ul>'
        f'<p class="lm-claim-rule">Rule: {said}</p>'
        "</div>"
    )
