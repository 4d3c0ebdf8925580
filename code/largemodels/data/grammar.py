"""Probabilistic grammars with one derivation a text and an exactly known entropy."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from largemodels.validation import real_number


class Alternative(NamedTuple):
    """One way to rewrite a symbol: its probability, first words, and what follows."""

    probability: float
    first: str
    rest: tuple[str, ...]


class Grammar:
    """A probabilistic context-free grammar that is unambiguous by construction.

    rules  symbol -> its alternatives, each (weight, parts). A symbol is written in
           angle brackets, "<place>"; parts are symbols and pieces of text. The
           probability of an alternative is its weight over the sum of the weights
    start  the symbol that a text is derived from

    Two conditions are checked, and with them every text has at most one derivation:

    1. every alternative begins with a piece of text that is not empty;
    2. no two alternatives of a symbol begin with pieces of which one begins the other.

    Proof. Derive from the left. When a symbol stands at some place of a text, its
    alternatives would put pieces there of which, by 2, at most one can agree with the
    text; so the alternative is forced, and with it everything that waits behind it. By
    induction over the steps the whole derivation is forced. Each step uses up some
    text, by 1, so the derivation ends. Hence the probability of a text is the
    product of the probabilities in its one derivation, and the entropy of the text is
    that of the derivation. No text begins another one, by the same argument.

    Raises ValueError where a rule breaks a condition, a symbol is missing or cannot be
    reached, or a derivation would not end with probability 1 and finite expectation.

    Source: Korenjak and Hopcroft 1966, "Simple Deterministic Languages", for grammars
    of this form, with letters in place of pieces; Soule 1974, "Entropies of
    Probabilistic Grammars", Information and Control 25, for the entropy.
    """

    def __init__(
        self,
        rules: Mapping[str, Sequence[tuple[float, Sequence[str]]]],
        start: str = "<start>",
    ):
        self.start = start
        self.rules = {
            symbol: _alternatives(symbol, options) for symbol, options in rules.items()
        }
        self._limits = {
            symbol: np.cumsum([option.probability for option in options]).tolist()
            for symbol, options in self.rules.items()
        }
        self._check_symbols()
        # A symbol takes one step or more; halfway to 1, rounding cannot decide.
        if self._solve(np.ones(len(self.rules))).min() < 0.5:
            raise ValueError(
                f"a derivation from {start} would go on forever: the expected number of"
                " its steps is not finite"
            )

    def sample(self, rng: np.random.Generator) -> str:
        """One text, drawn with its probability; one uniform number for each choice."""
        pieces, waiting = [], [self.start]
        while waiting:
            part = waiting.pop()
            if part not in self.rules:
                pieces.append(part)
                continue
            options = self.rules[part]
            chosen = bisect_right(self._limits[part], rng.random())
            # The limits may end a rounding below 1.
            option = options[min(chosen, len(options) - 1)]
            pieces.append(option.first)
            waiting.extend(reversed(option.rest))
        return "".join(pieces)

    def log_probability(self, text: str) -> float:
        """log p(text) in nats, by following its one derivation from the left.

        Raises ValueError that says where the text leaves the grammar.
        """
        total, place, waiting = 0.0, 0, [self.start]
        while waiting:
            part = waiting.pop()
            if part not in self.rules:
                if not text.startswith(part, place):
                    raise ValueError(_unexpected(text, place, repr(part)))
                place += len(part)
                continue
            for option in self.rules[part]:
                if text.startswith(option.first, place):
                    break
            else:
                raise ValueError(_unexpected(text, place, part))
            total += math.log(option.probability)
            place += len(option.first)
            waiting.extend(reversed(option.rest))
        if place != len(text):
            raise ValueError(_unexpected(text, place, "the end"))
        return total

    @cached_property
    def entropy(self) -> float:
        """The entropy of a text in nats, E[-log p(text)].

        h(A) = sum_r p_r (-log p_r + sum of h(B) over the symbols B in r)

        a linear equation for each symbol A, r running over its alternatives.
        """
        own = [
            -sum(
                option.probability * math.log(option.probability) for option in options
            )
            for options in self.rules.values()
        ]
        return float(self._solve(np.array(own))[self._number[self.start]])

    @cached_property
    def expected_length(self) -> float:
        """The mean number of characters of a text; the same equations as for entropy.

        l(A) = sum_r p_r (characters in r + sum of l(B) over the symbols B in r)
        """
        own = [
            sum(
                option.probability
                * sum(
                    len(part)
                    for part in (option.first, *option.rest)
                    if part not in self.rules
                )
                for option in options
            )
            for options in self.rules.values()
        ]
        return float(self._solve(np.array(own))[self._number[self.start]])

    @cached_property
    def _number(self):
        return {symbol: i for i, symbol in enumerate(self.rules)}

    def _solve(self, own):
        """x with x = own + M x, M[A, B] the mean number of B in an alternative of A.

        With own > 0, x >= own > 0 is possible only if M x < x, so only if the spectral
        radius of M is below 1 (Collatz and Wielandt): then derivations end.
        """
        mean = np.zeros((len(self.rules), len(self.rules)))
        for symbol, options in self.rules.items():
            for option in options:
                for part in option.rest:
                    if part in self.rules:
                        row, column = self._number[symbol], self._number[part]
                        mean[row, column] += option.probability
        try:
            return np.linalg.solve(np.eye(len(own)) - mean, own)
        except np.linalg.LinAlgError:
            return np.full(len(own), -math.inf)

    def _check_symbols(self):
        reached, waiting = set(), [self.start]
        while waiting:
            symbol = waiting.pop()
            if symbol in reached:
                continue
            if symbol not in self.rules:
                raise ValueError(f"there is no rule for {symbol}")
            reached.add(symbol)
            for option in self.rules[symbol]:
                waiting += [part for part in option.rest if _is_symbol(part)]
        if lost := [symbol for symbol in self.rules if symbol not in reached]:
            raise ValueError(f"no text reaches {', '.join(lost)}")


def _alternatives(symbol, options):
    """The checked alternatives of one symbol."""
    if not _is_symbol(symbol):
        raise ValueError(f"a symbol is written in angle brackets, got {symbol!r}")
    if not options:
        raise ValueError(f"{symbol} needs at least one alternative, got none")
    weights = [
        real_number(f"the weight in {symbol}", weight, 0.0, open_below=True)
        for weight, _ in options
    ]
    total, found = math.fsum(weights), []  # sum() rounds otherwise in Python 3.12
    for weight, (_, parts) in zip(weights, options, strict=True):
        if not parts or not parts[0] or _is_symbol(parts[0]):
            raise ValueError(
                f"an alternative of {symbol} must begin with text, got {list(parts)}"
            )
        found.append(Alternative(weight / total, parts[0], tuple(parts[1:])))
    # In sorted order a piece stands right before those that it begins.
    firsts = sorted(option.first for option in found)
    for before, after in pairwise(firsts):
        if after.startswith(before):
            raise ValueError(
                f"alternatives of {symbol} cannot be told apart: {before!r} begins "
                f"{after!r}"
            )
    return tuple(found)


def _is_symbol(part):
    return part.startswith("<") and part.endswith(">")


def _unexpected(text, place, wanted):
    return (
        f"the text is not in the grammar: {wanted} expected at character {place}, got "
        f"{text[place : place + 20]!r}"
    )
