"""References for the exercises of Training a GPT, and what a token costs."""

import numpy as np

from largemodels.page.answers import reference


def _distributions(rng):
    """Flat and peaked ones, shares near the ends, one that is just reached."""
    cases = [
        (rng.dirichlet(np.full(7, weight)), share)
        for weight in (0.3, 3.0)
        for share in (0.1, 0.5, 0.9)
    ]
    cases.append((np.array([0.125, 0.5, 0.25, 0.125]), 0.75))
    cases.append((np.array([0.125, 0.5, 0.25, 0.125]), 0.0))
    cases.append((np.array([0.125, 0.5, 0.25, 0.125]), 1.0))
    cases.append((np.array([0.25, 0.75]), 0.5))
    return cases


@reference(
    "nucleus",
    cases=_distributions,
    hint="Go from the most probable down until the share is reached. The entry with "
    "which it is reached belongs to it, and one entry always stays.",
    rtol=1e-9,
    atol=1e-12,
)
def nucleus(p, share):
    """Entry by entry."""
    kept, total = np.zeros_like(p), 0.0
    for i in sorted(range(len(p)), key=lambda i: (-p[i], i)):
        kept[i] = p[i]
        total += p[i]
        if total >= share:
            break
    return kept / kept.sum()


def _halves(rng):
    """One query and many, a half that counts for nothing, large logarithms."""
    cases = []
    for T, H, spread in ((1, 3, 1.0), (4, 2, 1.0), (3, 5, 30.0), (2, 3, 1000.0)):
        o1, o2 = rng.normal(size=(2, T, H))
        l1, l2 = 1.0 + spread * rng.normal(size=(2, T))
        cases.append((o1, l1, o2, l2))
    o1, l1, o2, l2 = cases[1]
    cases.append((o1, l1 + 5000.0, o2, l2 + 5000.0))
    cases.append((o1, l1 - 5000.0, o2, l2 - 5000.0))
    return cases


@reference(
    "merge-attention",
    cases=_halves,
    hint="Each half counts in proportion to its sum of exponentials. Take the greater "
    "logarithm out before an exponential overflows, or all of them vanish.",
    rtol=1e-9,
    atol=1e-12,
)
def merge(o1, l1, o2, l2):
    """Query by query, with the greater logarithm taken out."""
    outputs, logs = [], []
    for first, log_1, second, log_2 in zip(o1, l1, o2, l2, strict=True):
        top = max(log_1, log_2)
        sum_1, sum_2 = np.exp(log_1 - top), np.exp(log_2 - top)
        outputs.append((sum_1 * first + sum_2 * second) / (sum_1 + sum_2))
        logs.append(top + np.log(sum_1 + sum_2))
    return np.array(outputs), np.array(logs)
