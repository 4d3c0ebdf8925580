"""Tasks that ask for memory: what counts lies far before where it is needed.

Each says what a model without memory can reach at best, so that a loss can be read.
All arrays come from one seed; nothing is stored.
"""

import math

import numpy as np

from largemodels.validation import whole_number

# The tokens of `temporal_order`.
START, TRIGGER, DISTRACTORS, X, Y = 0, 1, (2, 3, 4, 5), 6, 7


def adding(n: int, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The adding problem: inputs (n, length, 2) and targets (n,), float64.

    Each step has a value, uniform in [0, 1], and a marker that is 1 at two steps and
    else 0: at one in the first half (length // 2 steps), at one in the second. The
    target is the sum of the two marked values.

    The best constant prediction is 1, with mean squared error 2 / 12 = 1 / 6, the
    variance of the sum of two uniform numbers. Raises ValueError for n < 1 or
    length < 2.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", experiment 4; in
    this form Arjovsky, Shah and Bengio 2016, "Unitary evolution recurrent neural
    networks".
    Differs: in the first, values lie in [-1, 1], the target is 1/2 + sum / 4, lengths
    vary by a tenth, both marked steps lie in the first half, and the first of them
    among the first ten.
    """
    n = whole_number("n", n, minimum=1)
    length = whole_number("length", length, minimum=2)
    rng = np.random.default_rng(whole_number("seed", seed))
    inputs = np.zeros((n, length, 2))
    inputs[..., 0] = rng.uniform(size=(n, length))
    rows = np.arange(n)
    first = rng.integers(0, length // 2, n)
    second = rng.integers(length // 2, length, n)
    inputs[rows, first, 1] = inputs[rows, second, 1] = 1.0
    return inputs, inputs[rows, first, 0] + inputs[rows, second, 0]


def copying(
    n: int, lag: int, num_symbols: int = 8, length: int = 10, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The copying task: inputs and targets (n, lag + 2 length), int64.

    inputs    length symbols, lag - 1 blanks, a delimiter, length blanks
    targets   lag + length blanks, then the symbols in their order

    Symbols are uniform in 0 .. num_symbols - 1; blank is num_symbols and delimiter
    num_symbols + 1, so that there are num_symbols + 2 tokens. The best prediction
    without memory knows where the blanks are and guesses the symbols: its mean
    cross-entropy a step is length ln(num_symbols) / (lag + 2 length). Raises ValueError
    where an argument is below 1.

    Source: Hochreiter and Schmidhuber 1997 for the kind of task; in this form Arjovsky,
    Shah and Bengio 2016, "Unitary evolution recurrent neural networks".
    """
    n = whole_number("n", n, minimum=1)
    lag = whole_number("lag", lag, minimum=1)
    blank = whole_number("num_symbols", num_symbols, minimum=1)
    length = whole_number("length", length, minimum=1)
    rng = np.random.default_rng(whole_number("seed", seed))
    symbols = rng.integers(0, blank, (n, length))
    inputs = np.full((n, lag + 2 * length), blank)
    targets = inputs.copy()
    inputs[:, :length] = symbols
    inputs[:, length + lag - 1] = blank + 1
    targets[:, -length:] = symbols
    return inputs, targets


def delayed_recall(
    n: int, lag: int, num_symbols: int = 2, num_distractors: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Name the first token: inputs (n, lag + 1) and labels (n,), int64.

    The first token is the label, uniform in 0 .. num_symbols - 1; `lag` others follow,
    uniform in num_symbols .. num_symbols + num_distractors - 1, that mean nothing.

    The best prediction without memory has cross-entropy ln(num_symbols). Raises
    ValueError for n, lag or num_distractors below 1, or num_symbols below 2.

    Source: the latching task of Bengio, Simard and Frasconi 1994, "Learning long-term
    dependencies with gradient descent is difficult", IEEE Transactions on Neural
    Networks 5(2), with tokens for its real numbers.
    """
    n = whole_number("n", n, minimum=1)
    lag = whole_number("lag", lag, minimum=1)
    num_symbols = whole_number("num_symbols", num_symbols, minimum=2)
    others = whole_number("num_distractors", num_distractors, minimum=1)
    rng = np.random.default_rng(whole_number("seed", seed))
    labels = rng.integers(0, num_symbols, n)
    distractors = rng.integers(num_symbols, num_symbols + others, (n, lag))
    return np.concatenate([labels[:, None], distractors], axis=1), labels


def temporal_order(n: int, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Which came first: inputs (n, length) of 8 tokens and labels (n,), int64.

    A sequence begins with START, ends with TRIGGER, and is made of DISTRACTORS, but for
    two steps that are X or Y: one in the second tenth of the sequence (steps length/10
    to 2 length/10, the end left out), one in the sixth. The label is 0 for X X, 1 for
    X Y, 2 for Y X, 3 for Y Y, all equally likely.

    The best prediction without memory has cross-entropy ln 4, and one that remembers
    one of the two ln 2. Raises ValueError for n < 1 or length < 10.

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory", experiment 6a.
    Differs: there the length varies, from 100 to 110, and the two steps lie between 10
    and 20 and between 50 and 60.
    """
    n = whole_number("n", n, minimum=1)
    length = whole_number("length", length, minimum=10)
    rng = np.random.default_rng(whole_number("seed", seed))
    inputs = rng.choice(DISTRACTORS, (n, length)).astype(np.int64)
    inputs[:, 0], inputs[:, -1] = START, TRIGGER
    labels = rng.integers(0, 4, n)
    tenths = [math.ceil(i * length / 10) for i in (1, 2, 5, 6)]
    first = rng.integers(*tenths[:2], n)
    second = rng.integers(*tenths[2:], n)
    inputs[np.arange(n), first] = np.where(labels < 2, X, Y)
    inputs[np.arange(n), second] = np.where(labels % 2 == 0, X, Y)
    return inputs, labels
