"""References for the exercises of Gradient descent, stochastic, mini-batch."""

import numpy as np

from largemodels.page.answers import reference


def _gradients(rng):
    """Batches of one, some and all rows; one weight and several."""
    sizes = [(7, 3, 2), (11, 1, 1), (5, 5, 3), (13, 12, 2), (2, 1, 5)]
    return [(rng.normal(size=(n, N)), B) for n, B, N in sizes]


@reference(
    "batch-covariance",
    cases=_gradients,
    hint="What must come out for a batch that holds every row? And for a batch of one?",
    rtol=1e-9,
    atol=1e-12,
)
def batch_covariance(gradients, batch_size):
    """Sigma/B (n - B)/(n - 1), with the population covariance Sigma."""
    n = len(gradients)
    population = np.atleast_2d(np.cov(gradients, rowvar=False, bias=True))
    return population * (n - batch_size) / (batch_size * (n - 1))


def _shards(rng):
    """Two devices and many, one example each and several, one weight and many."""
    sizes = [(2, 1, 3), (4, 16, 5), (7, 3, 1), (8, 64, 11), (2, 32, 2)]
    return [(3 + rng.normal(size=(D, N)), examples) for D, examples, N in sizes]


@reference(
    "noise-scale-of-shards",
    cases=_shards,
    hint="The shards scatter about their own mean, which is not the full gradient: as "
    "for any variance from a sample, D numbers leave D - 1 to count. And the squared "
    "length of a noisy mean is too large, by the noise that is left in it.",
    rtol=1e-9,
    atol=1e-12,
)
def noise_scale_of_shards(shards, examples):
    """Unbiased estimates of tr(Sigma) and of |G|^2, the one divided by the other."""
    devices = len(shards)
    mean = shards.mean(axis=0)
    scatter = ((shards - mean) ** 2).sum() / (devices - 1)  # tr(Sigma) / examples
    return float(examples * scatter / (mean @ mean - scatter / devices))
