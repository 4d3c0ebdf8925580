"""References for the exercises of Recurrent networks and their memory."""

import numpy as np

from largemodels.page.answers import reference


@reference(
    "forget-bias",
    cases=[(100, 0.5), (1, 0.5), (10, 0.9), (1000, 0.01), (7, 1e-6)],
    hint="The bias is what the sigmoid turns into f, and f to the power of the steps "
    "is the share. For one step and one half it is zero.",
    rtol=1e-7,
    atol=1e-9,
)
def forget_bias(steps, share):
    """The inverse of the sigmoid, at the root of the share."""
    f = share ** (1 / steps)
    return float(np.log(f) - np.log1p(-f))


def _steps(rng):
    """Batches of one and of several, open and closed gates, one gradient zero."""
    cases = []
    for batch, width in ((3, 5), (1, 1), (2, 7)):
        a = 2 * rng.normal(size=(batch, 4 * width))
        cases.append((a, *rng.normal(size=(3, batch, width))))
    a, c, dh, dc = (part.copy() for part in cases[0])
    cases.append((a, c, 0 * dh, dc))
    cases.append((a, c, dh, 0 * dc))
    return cases


@reference(
    "lstm-backward",
    cases=_steps,
    hint="The new cell is used twice: by the step after, and by h. Collect all that "
    "reaches it before you go on to the gates and to the old cell.",
    rtol=1e-9,
    atol=1e-12,
)
def lstm_backward(a, c, dh, dc):
    """Gradients for the four blocks of a, and for the cell before."""
    i_hat, f_hat, g_hat, o_hat = np.split(a, 4, axis=1)
    i, f, o = ((1 + np.tanh(x / 2)) / 2 for x in (i_hat, f_hat, o_hat))
    g = np.tanh(g_hat)
    shown = np.tanh(f * c + i * g)
    total = dc + dh * o * (1 - shown * shown)
    parts = (
        total * g * i * (1 - i),
        total * c * f * (1 - f),
        total * i * (1 - g * g),
        dh * shown * o * (1 - o),
    )
    return np.hstack(parts), total * f


def _padded(rng):
    """Full and short sequences, large scores, a batch of one step."""
    cases = []
    for B, T, V in ((3, 7, 5), (1, 4, 2), (5, 1, 3), (4, 6, 11)):
        logits = 3 * rng.normal(size=(B, T, V))
        targets = rng.integers(V, size=(B, T))
        cases.append((logits, targets, rng.integers(1, T + 1, size=B)))
    logits, targets, _ = cases[0]
    cases.append((logits, targets, np.full(3, 7)))
    cases.append((1000 * logits, targets, np.array([7, 1, 3])))
    return cases


@reference(
    "masked-loss",
    cases=_padded,
    hint="Every valid step counts once, a padded one not at all: neither in the sum "
    "nor in what it is divided by. Scores may be in the thousands.",
    rtol=1e-9,
    atol=1e-12,
)
def masked_loss(logits, targets, lengths):
    """The mean over valid steps, sequence by sequence."""
    total, count = 0.0, 0
    for scores, classes, n in zip(logits, targets, lengths, strict=True):
        for z, y in zip(scores[:n], classes[:n], strict=True):
            total += np.logaddexp.reduce(z) - z[y]
            count += 1
    return total / count


def _gradients(rng):
    """Too long, short enough, just the bound, and zero."""
    gw, gb = rng.normal(size=(3, 5)), rng.normal(size=5)
    norm = float(np.sqrt((gw**2).sum() + (gb**2).sum()))
    cases = [(gw, gb, bound) for bound in (0.1, 1.0, 2 * norm, norm)]
    cases.append((100 * gw, gb, 1.0))
    cases.append((0 * gw, 0 * gb, 1.0))
    return cases


@reference(
    "clip-together",
    cases=_gradients,
    hint="One norm for everything, and one factor, never above 1. What is the factor "
    "of a gradient of zero?",
    rtol=1e-9,
    atol=1e-12,
)
def clip(gw, gb, bound):
    """Both by the same factor."""
    norm = float(np.linalg.norm(np.concatenate([gw.ravel(), gb.ravel()])))
    factor = bound / max(norm, bound)
    return factor * gw, factor * gb
