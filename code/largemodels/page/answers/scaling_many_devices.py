"""References for the exercises of Many devices, one training run."""

import numpy as np

from largemodels.page.answers import reference


def _vectors(rng):
    """Two, four and eight ranks, parts of one number and of several, and one rank."""
    return [(rng.normal(size=shape),) for shape in ((2, 6), (4, 4), (8, 24), (1, 3))]


@reference(
    "butterfly",
    cases=_vectors,
    hint="Halve what a rank is responsible for in every round: that sums up to less "
    "than M. On the way back each pass hands over all that is complete.",
    rtol=1e-9,
    atol=1e-12,
)
def butterfly(vectors):
    """The sum on every rank, and 2 (n - 1) / n M numbers sent."""
    n, size = vectors.shape
    return np.tile(vectors.sum(axis=0), (n, 1)), 2 * (n - 1) * size // n


@reference(
    "loss-factors",
    cases=[
        ([3, 3],),
        ([5, 1],),
        ([0, 7, 2],),
        ([4],),
        ([1, 0, 0, 0],),
        ([1000, 1, 24, 31, 8],),
    ],
    hint="What must stand before the mean loss of a rank in the loss of all tokens? "
    "And by what does a plain average divide it?",
    rtol=1e-9,
    atol=1e-12,
)
def loss_factors(tokens):
    """The share of the tokens, times the number of ranks."""
    tokens = np.asarray(tokens, dtype=np.float64)
    return tokens * len(tokens) / tokens.sum()


def _parts(rng):
    """Long and short gradients, one rank, parts of several shapes, and zeros."""
    parts = [rng.normal(size=shape) for shape in ((3, 5), (7,), (2, 2, 2))]
    norm = float(np.sqrt(sum((part**2).sum() for part in parts)))
    return [
        (parts, 1.0),
        (parts, 0.5 * norm),
        (parts, 2 * norm),
        ([100 * parts[0], parts[1]], 3.0),
        ([parts[0]], 0.1),
        ([0 * parts[0], 0 * parts[1]], 1.0),
    ]


@reference(
    "clip-parts",
    cases=_parts,
    hint="One norm for all parts, from the sum of all squares, and one factor that is "
    "never above 1. What is it for a gradient of zeros?",
    rtol=1e-9,
    atol=1e-12,
)
def clip_parts(parts, max_norm):
    """All parts by the same factor."""
    norm = float(np.linalg.norm(np.concatenate([part.ravel() for part in parts])))
    return [part * min(1.0, max_norm / max(norm, 1e-300)) for part in parts]
