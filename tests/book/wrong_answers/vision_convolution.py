"""Typical wrong answers to the exercises of the page on convolutional networks."""

import numpy as np


def _whole(n, k, s, d):
    return max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)


def _before_the_start(n, k, s, d):
    whole = _whole(n, k, s, d)
    return whole - whole // 2, whole // 2


def _forgets_the_stride(n, k, s, d):
    whole = d * (k - 1)
    return whole // 2, whole - whole // 2


def _forgets_the_dilation(n, k, s, d):
    whole = _whole(n, k, s, 1)
    return whole // 2, whole - whole // 2


def _takes_away(n, k, s, d):
    whole = (-(-n // s) - 1) * s + d * (k - 1) + 1 - n
    return whole // 2, whole - whole // 2


def _overwrites(dz, w, n, s):
    dx = np.zeros(n)
    for p in range(len(dz)):
        dx[s * p : s * p + len(w)] = dz[p] * w
    return dx


def _turned_over(dz, w, n, s):
    dx = np.zeros(n)
    for p in range(len(dz)):
        dx[s * p : s * p + len(w)] += dz[p] * w[::-1]
    return dx


def _too_short(dz, w, n, s):
    wide = np.zeros(s * (len(dz) - 1) + 1)
    wide[::s] = dz
    return np.convolve(wide, w)


def _stride_of_now(layers):
    r, j, f = 1, 1, 0
    for k, s, a, d in layers:
        j *= s
        r, f = r + d * (k - 1) * j, f - a * j
    return r, j, f


def _padding_in_pixels(layers):
    r, j, f = 1, 1, 0
    for k, s, a, d in layers:
        r, f, j = r + d * (k - 1) * j, f - a, j * s
    return r, j, f


def _no_dilation(layers):
    r, j, f = 1, 1, 0
    for k, s, a, _ in layers:
        r, f, j = r + (k - 1) * j, f - a * j, j * s
    return r, j, f


WRONG = {
    "same-padding": [
        _before_the_start,
        _forgets_the_stride,
        _forgets_the_dilation,
        _takes_away,
    ],
    "transposed-convolution": [_overwrites, _turned_over, _too_short],
    "receptive-field": [_stride_of_now, _padding_in_pixels, _no_dilation],
}
