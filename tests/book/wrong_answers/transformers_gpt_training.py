"""Typical wrong answers to the exercises of the page on training a GPT."""

import numpy as np


def _nucleus(p, limit, least=0):
    order = np.argsort(-p, kind="stable")
    kept = limit(np.cumsum(p[order]), p[order])
    kept[:least] = True
    out = np.zeros_like(p)
    out[order[kept]] = p[order[kept]]
    return out / out.sum()


def _without_the_last_one(p, share):
    return _nucleus(p, lambda total, _: total <= share, least=1)


def _none_for_zero(p, share):
    return _nucleus(p, lambda total, own: total - own < share)


def _one_too_many(p, share):
    return _nucleus(p, lambda total, own: total - own <= share)


def _not_divided(p, share):
    order = np.argsort(-p, kind="stable")
    kept = np.cumsum(p[order]) - p[order] < share
    kept[0] = True
    out = np.zeros_like(p)
    out[order[kept]] = p[order[kept]]
    return out


def _plain_mean(o1, l1, o2, l2):
    return (o1 + o2) / 2, np.logaddexp(l1, l2)


def _logarithms_as_weights(o1, l1, o2, l2):
    total = l1 + l2
    return (l1 / total)[:, None] * o1 + (l2 / total)[:, None] * o2, total


def _overflows(o1, l1, o2, l2):
    first, second = np.exp(l1)[:, None], np.exp(l2)[:, None]
    total = first + second
    return (first * o1 + second * o2) / total, np.log(total)[:, 0]


def _crossed(o1, l1, o2, l2):
    whole = np.logaddexp(l1, l2)
    return np.exp(l2 - whole)[:, None] * o1 + np.exp(l1 - whole)[:, None] * o2, whole


def _only_the_output(o1, l1, o2, l2):
    whole = np.logaddexp(l1, l2)
    return np.exp(l1 - whole)[:, None] * o1 + np.exp(l2 - whole)[:, None] * o2


WRONG = {
    "nucleus": [_without_the_last_one, _none_for_zero, _one_too_many, _not_divided],
    "merge-attention": [
        _plain_mean,
        _logarithms_as_weights,
        _overflows,
        _crossed,
        _only_the_output,
    ],
}
