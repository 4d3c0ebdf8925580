"""Typical wrong answers to the exercises of What is a large model?"""

import numpy as np


def _tied(V, T, L, D):
    return V * D + T * D + L * (12 * D**2 + 13 * D) + 2 * D


def _gated(V, L, D, A, G, H, F):
    return 2 * V * D + L * (2 * D * A * H + 2 * D * G * H + 3 * D * F + 2 * D) + D


def _shares(predicted, labels):
    found = ((predicted == 1) & (labels == 1)).sum()
    return found, (predicted == 1).sum(), (labels == 1).sum()


def _zero_for_nothing(predicted, labels):
    found, said, there = _shares(predicted, labels)
    return found / max(said, 1), found / max(there, 1)


def _swapped(predicted, labels):
    found, said, there = _shares(predicted, labels)
    precision = found / said if said else np.nan
    recall = found / there if there else np.nan
    return recall, precision


def _accuracy_twice(predicted, labels):
    share = (predicted == labels).mean()
    return share, share


WRONG = {
    "tied-transformer-count": [
        lambda V, T, L, D: _tied(V, T, L, D) + V * D,  # the tied map twice
        lambda V, T, L, D: _tied(V, T, L, D) - 2 * D,  # no norm after the last block
        lambda V, T, L, D: V * D + T * D + 12 * L * D**2,  # matrices alone
        lambda V, T, L, D: _tied(V, T, L, D) - T * D,  # no positions
    ],
    "gated-transformer-count": [
        lambda V, L, D, A, G, H, F: _gated(V, L, D, A, A, H, F),  # G forgotten
        lambda V, L, D, A, G, H, F: _gated(V, L, D, A, G, H, F) - L * D * F,  # two
        lambda V, L, D, A, G, H, F: _gated(V, L, D, A, G, H, F) - V * D,  # tied
        lambda V, L, D, A, G, H, F: _gated(V, L, D, A, G, H, F) + (2 * L + 1) * D,
    ],
    "training-days": [
        lambda N, D, n, peak, u: 6 * N * D / (n * peak) / 86_400,  # at the peak
        lambda N, D, n, peak, u: 6 * N * D / (n * peak * u) / 3_600,  # hours
        lambda N, D, n, peak, u: 2 * N * D / (n * peak * u) / 86_400,  # forward only
        lambda N, D, n, peak, u: 6 * N * D / (peak * u) / 86_400,  # one device
    ],
    "precision-and-recall": [_zero_for_nothing, _swapped, _accuracy_twice],
}
