"""Typical wrong answers to the exercises of the page on the costs of a step."""

import math


def _step(V, L, D, queries, groups, F, rows, context, matrices_of_network=3):
    block = 2 * D * queries + 2 * D * groups + matrices_of_network * D * F
    return rows * (6 * (L * block + V * D) + 12 * L * context * queries)


def _scores_grouped(V, L, D, A, G, H, F, batch, context):
    rows = batch * context
    whole = _step(V, L, D, A * H, G * H, F, rows, context)
    return whole - 12 * L * context * (A - G) * H * rows


def _heads_fill_the_width(V, L, D, A, G, H, F, batch, context):
    return _step(V, L, D, D, D * G // A, F, batch * context, context)


def _two_matrices(V, L, D, A, G, H, F, batch, context):
    return _step(V, L, D, A * H, G * H, F, batch * context, context, 2)


def _no_scores(V, L, D, A, G, H, F, batch, context):
    return _step(V, L, D, A * H, G * H, F, batch * context, 0)


def _multiply_adds(V, L, D, A, G, H, F, batch, context):
    return _step(V, L, D, A * H, G * H, F, batch * context, context) // 2


def _matrix_alone(d_in, d_out, bytes_each, peak, bandwidth):
    return math.ceil(peak * bytes_each / (2 * bandwidth))


def _never_infinite(d_in, d_out, bytes_each, peak, bandwidth):
    gain = 2 * d_in * d_out / peak - bytes_each * (d_in + d_out) / bandwidth
    return math.ceil(bytes_each * d_in * d_out / bandwidth / abs(gain))


def _rounds_down(d_in, d_out, bytes_each, peak, bandwidth):
    gain = 2 * d_in * d_out / peak - bytes_each * (d_in + d_out) / bandwidth
    if gain <= 0:
        return math.inf
    return math.floor(bytes_each * d_in * d_out / bandwidth / gain)


def _silu_keeps_nothing(D, A, G, H, F):
    return 4 * D + 2 * A * H + 2 * G * H + 3 * F


def _no_groups(D, A, G, H, F):
    return 4 * D + 4 * A * H + 4 * F


def _sixteen(D, A, G, H, F):
    return 16 * D


WRONG = {
    "llama-step-flops": [
        _scores_grouped,
        _heads_fill_the_width,
        _two_matrices,
        _no_scores,
        _multiply_adds,
    ],
    "rows-enough": [_matrix_alone, _never_infinite, _rounds_down],
    "gated-block-numbers": [_silu_keeps_nothing, _no_groups, _sixteen],
}
