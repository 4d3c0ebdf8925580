"""Typical wrong answers to the exercises of the page on many devices."""

import numpy as np


def _mean_in_place_of_the_sum(vectors):
    n, size = vectors.shape
    return np.tile(vectors.mean(axis=0), (n, 1)), 2 * (n - 1) * size // n


def _counts_whole_vectors(vectors):
    n, size = vectors.shape
    rounds = 2 * (n.bit_length() - 1)
    return np.tile(vectors.sum(axis=0), (n, 1)), rounds * size


def _without_the_way_back(vectors):
    n, size = vectors.shape
    sums = np.zeros_like(vectors)
    for r, part in enumerate(np.split(vectors.sum(axis=0), n)):
        sums[r, r * size // n : (r + 1) * size // n] = part
    return sums, (n - 1) * size // n


def _share_alone(tokens):
    return np.asarray(tokens, dtype=float) / np.sum(tokens)


def _the_other_way_round(tokens):
    tokens = np.maximum(np.asarray(tokens, dtype=float), 1)
    return tokens.sum() / (len(tokens) * tokens)


def _all_ones(tokens):
    return np.ones(len(tokens))


def _own_norm(parts, max_norm):
    return [p * min(1, max_norm / (np.linalg.norm(p) + 1e-300)) for p in parts]


def _sum_of_norms(parts, max_norm):
    norm = sum(np.linalg.norm(p) for p in parts) + 1e-300
    return [p * min(1, max_norm / norm) for p in parts]


def _always_scaled(parts, max_norm):
    norm = np.sqrt(sum((p**2).sum() for p in parts)) + 1e-300
    return [p * max_norm / norm for p in parts]


def _zero_over_zero(parts, max_norm):
    norm = np.sqrt(sum((p**2).sum() for p in parts))
    return [p * min(norm, max_norm) / norm for p in parts]


WRONG = {
    "butterfly": [
        _mean_in_place_of_the_sum,
        _counts_whole_vectors,
        _without_the_way_back,
    ],
    "loss-factors": [_share_alone, _the_other_way_round, _all_ones],
    "clip-parts": [_own_norm, _sum_of_norms, _always_scaled, _zero_over_zero],
}
