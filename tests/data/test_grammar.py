"""Grammars: one derivation a text, and an entropy that enumeration confirms."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from largemodels.data.grammar import Grammar

# Sums of some dozen float64 terms near 1.
EXACT = {"rel": 1e-12, "abs": 1e-12}

# a^n b with probability (1 - p) p^n.
P = 0.75
GEOMETRIC = {"<start>": [(P, ["a", "<start>"]), (1 - P, ["b"])]}


def enumerate_texts(grammar, symbols=None):
    """Every derivation of a grammar without recursion: (text, probability) pairs."""
    symbols = [grammar.start] if symbols is None else symbols
    if not symbols:
        return [("", 1.0)]
    first, *rest = symbols
    tails = enumerate_texts(grammar, rest)
    if first not in grammar.rules:
        return [(first + text, p) for text, p in tails]
    found = []
    for option in grammar.rules[first]:
        for head, p in enumerate_texts(grammar, [option.first, *option.rest]):
            found += [(head + text, option.probability * p * q) for text, q in tails]
    return found


@st.composite
def finite_grammars(draw):
    """Four symbols, each of which mentions only later ones: at most 2,000 texts."""
    rules = {}
    names = ["<start>", "<one>", "<two>", "<three>"]
    for i, name in enumerate(names):
        later = st.sampled_from([*names[i + 1 :], "x", "ab", " "])
        firsts = draw(st.sets(st.sampled_from("abcde"), min_size=1, max_size=2))
        rules[name] = [
            (draw(st.integers(1, 5)), [first, *draw(st.lists(later, max_size=1))])
            for first in sorted(firsts)
        ]
    # Every symbol must be reached.
    weight, parts = rules["<start>"][0]
    rules["<start>"][0] = (weight, [*parts, *names[1:]])
    return Grammar(rules)


@given(finite_grammars())
def test_enumeration_confirms_everything(grammar):
    found = enumerate_texts(grammar)
    texts = [text for text, _ in found]
    assert len(set(texts)) == len(texts)
    assert sum(p for _, p in found) == pytest.approx(1, **EXACT)
    assert grammar.entropy == pytest.approx(
        -sum(p * math.log(p) for _, p in found), **EXACT
    )
    assert grammar.expected_length == pytest.approx(
        sum(p * len(text) for text, p in found), **EXACT
    )
    for text, p in found:
        assert grammar.log_probability(text) == pytest.approx(math.log(p), **EXACT)
    ordered = sorted(texts)
    for before, after in pairwise(ordered):
        assert not after.startswith(before)


@given(finite_grammars(), st.integers(0, 2**32))
def test_samples_are_texts_of_the_grammar(grammar, seed):
    probabilities = dict(enumerate_texts(grammar))
    rng = np.random.default_rng(seed)
    for _ in range(5):
        assert grammar.sample(rng) in probabilities


def test_recursion_has_the_entropy_of_a_geometric_distribution():
    grammar = Grammar(GEOMETRIC)
    binary = -P * math.log(P) - (1 - P) * math.log(1 - P)
    assert grammar.entropy == pytest.approx(binary / (1 - P), **EXACT)
    assert grammar.expected_length == pytest.approx(1 / (1 - P), **EXACT)
    assert grammar.log_probability("aaab") == pytest.approx(
        3 * math.log(P) + math.log(1 - P), **EXACT
    )


def test_nesting_brings_back_what_was_opened():
    rules = {
        "<start>": [(1, ["(", "<start>", ")"]), (1, ["[", "<start>", "]"]), (2, ["."])]
    }
    grammar = Grammar(rules)
    assert grammar.log_probability("([.])") == pytest.approx(
        math.log(1 / 4 * 1 / 4 * 1 / 2), **EXACT
    )
    with pytest.raises(ValueError, match="'\\]' expected at character 3, got '\\)\\]'"):
        grammar.log_probability("([.)]")


def test_frequencies_of_samples_are_the_probabilities():
    grammar = Grammar({"<start>": [(1, ["a"]), (2, ["b"]), (5, ["c"])]})
    rng = np.random.default_rng(0)
    n = 8000
    found = [grammar.sample(rng) for _ in range(n)]
    for text, p in (("a", 1 / 8), ("b", 1 / 4), ("c", 5 / 8)):
        # Four standard deviations of a binomial count.
        margin = 4 * math.sqrt(n * p * (1 - p))
        assert abs(found.count(text) - n * p) < margin


def test_the_last_alternative_catches_what_rounding_leaves():
    # Ten times 1/10 adds up to less than 1; the largest uniform number lies above.
    rules = {"<start>": [(1, [letter]) for letter in "abcdefghij"]}
    grammar = Grammar(rules)

    class Highest:
        def random(self):
            return math.nextafter(1.0, 0.0)

    assert grammar.sample(Highest()) == "j"


@pytest.mark.parametrize("text", ["", "a", "ba", "aab ", "c"])
def test_other_texts_are_refused_with_the_place(text):
    with pytest.raises(
        ValueError, match=r"not in the grammar: .* expected at character"
    ):
        Grammar(GEOMETRIC).log_probability(text)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"<start>": [(1, ["a"]), (1, ["ab"])]}, "'a' begins 'ab'"),
        ({"<start>": [(1, ["a"]), (1, ["b"]), (1, ["a"])]}, "'a' begins 'a'"),
        ({"<start>": [(1, ["a"]), (1, ["ab"]), (1, ["aa"])]}, "cannot be told apart"),
        ({"<start>": [(1, ["<start>", "a"])]}, "must begin with text"),
        ({"<start>": [(1, [""])]}, "must begin with text, got"),
        ({"<start>": [(1, [])]}, "must begin with text, got"),
        ({"<start>": []}, "<start> needs at least one alternative"),
        ({"<start>": [(0, ["a"])]}, "weight in <start> must be above 0, got 0"),
        ({"<start>": [(1, ["a", "<lost>"])]}, "there is no rule for <lost>"),
        ({"<begin>": [(1, ["a"])]}, "there is no rule for <start>"),
        ({"<start>": [(1, ["a"])], "<b>": [(1, ["b"])]}, "no text reaches <b>"),
        ({"start": [(1, ["a"])]}, "a symbol is written in angle brackets, got 'start'"),
        ({"<start>": [(1, ["a", "<start>"])]}, "would go on forever"),
        (
            {"<start>": [(1, ["a", "<start>", "<start>"]), (1, ["b"])]},
            "would go on forever",
        ),
        (
            {"<start>": [(2, ["a", "<start>", "<start>"]), (1, ["b"])]},
            "would go on forever",
        ),
    ],
)
def test_rules_that_break_a_condition_are_refused(rules, message):
    with pytest.raises(ValueError, match=message):
        Grammar(rules)
