"""Answers written in PyTorch and in TensorFlow, as a reader of either would write them.

test_exercises.py carries every answer over to the frameworks; these are native, so that
what an answer gets, a function among it, is of the framework too.
"""

import math

import pytest
import tensorflow as tf
import torch
from largemodels.page import WrongAnswer, check


def torch_complex_gradient(f, x):
    """One imaginary step an entry."""
    entries = torch.zeros(x.numel(), dtype=x.dtype)
    for i in range(x.numel()):
        step = torch.zeros(x.numel(), dtype=torch.complex128)
        step[i] = 1e-20j
        entries[i] = f(x + step.reshape(x.shape)).imag / 1e-20
    return entries.reshape(x.shape)


def tf_complex_gradient(f, x):
    """One imaginary step an entry."""
    entries, size = [], int(tf.size(x))
    for i in range(size):
        step = tf.one_hot(i, size, on_value=1e-20j, off_value=0j, dtype=tf.complex128)
        moved = tf.cast(x, tf.complex128) + tf.reshape(step, x.shape)
        entries.append(tf.math.imag(f(moved)) / 1e-20)
    return tf.reshape(tf.stack(entries), x.shape)


def central(f, w, v):
    """A point on either side: the same words in both frameworks."""
    step = 1e-5
    return (f(w + step * v) - f(w - step * v)) / (2 * step)


def torch_direction(f, w, v):
    """The central difference, of tensors."""
    assert torch.is_tensor(w)
    assert torch.is_tensor(f(w))
    return central(f, w, v)


def tf_direction(f, w, v):
    """The central difference, of tensors."""
    assert tf.is_tensor(w)
    assert tf.is_tensor(f(w))
    return central(f, w, v)


def torch_rms_norm_vjp(x, w, eps, g):
    """PyTorch's own derivative."""
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    y = x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * w
    return torch.autograd.grad(y, (x, w), g)


def tf_rms_norm_vjp(x, w, eps, g):
    """TensorFlow's own derivative."""
    with tf.GradientTape() as tape:
        tape.watch((x, w))
        y = x / tf.sqrt(tf.reduce_mean(x * x, -1, keepdims=True) + eps) * w
    return tape.gradient(y, (x, w), output_gradients=g)


def torch_attention(q, k, v):
    """Query t may see the keys up to S - T + t."""
    queries, keys = q.shape[-2], k.shape[-2]
    seen = torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return scores.masked_fill(~seen, -math.inf).softmax(-1) @ v


def tf_attention(q, k, v):
    """Query t may see the keys up to S - T + t."""
    queries, keys = q.shape[-2], k.shape[-2]
    last = tf.range(keys - queries, keys)[:, None]
    scores = tf.matmul(q, k, transpose_b=True) / math.sqrt(q.shape[-1])
    hidden = tf.constant(-math.inf, scores.dtype)
    return tf.nn.softmax(tf.where(tf.range(keys) <= last, scores, hidden)) @ v


def torch_nucleus(p, share):
    """Sort, sum, and keep up to the entry with which the share is reached."""
    sorted_p, order = torch.sort(p, descending=True, stable=True)
    kept = sorted_p.cumsum(0) - sorted_p < share
    kept[0] = True
    chosen = torch.zeros_like(p)
    chosen[order[kept]] = sorted_p[kept]
    return chosen / chosen.sum()


def tf_nucleus(p, share):
    """Sort, sum, and keep up to the entry with which the share is reached."""
    order = tf.argsort(p, direction="DESCENDING", stable=True)
    sorted_p = tf.gather(p, order)
    before = tf.cumsum(sorted_p, exclusive=True)
    kept = tf.cast((before < share) | (tf.range(len(p)) == 0), p.dtype)
    chosen = tf.scatter_nd(order[:, None], kept * sorted_p, p.shape)
    return chosen / tf.reduce_sum(chosen)


def forward(f, w, v):
    """A forward difference: half of the digits are lost."""
    return (f(w + 1e-8 * v) - f(w)) / 1e-8


def torch_forward(f, w, v):
    """The forward difference, of tensors."""
    return forward(f, w, torch.as_tensor(v))


def tf_forward(f, w, v):
    """The forward difference, of tensors."""
    return forward(f, w, tf.convert_to_tensor(v))


def torch_leaking_attention(q, k, v):
    """Nothing is hidden."""
    return (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1) @ v


def tf_leaking_attention(q, k, v):
    """Nothing is hidden."""
    scores = tf.matmul(q, k, transpose_b=True) / math.sqrt(q.shape[-1])
    return tf.nn.softmax(scores) @ v


RIGHT = [
    ("complex-gradient", torch_complex_gradient),
    ("complex-gradient", tf_complex_gradient),
    ("directional-derivative", torch_direction),
    ("directional-derivative", tf_direction),
    ("rms-norm-vjp", torch_rms_norm_vjp),
    ("rms-norm-vjp", tf_rms_norm_vjp),
    ("causal-attention", torch_attention),
    ("causal-attention", tf_attention),
    ("nucleus", torch_nucleus),
    ("nucleus", tf_nucleus),
]
WRONG = [
    ("directional-derivative", torch_forward),
    ("directional-derivative", tf_forward),
    ("causal-attention", torch_leaking_attention),
    ("causal-attention", tf_leaking_attention),
]


def name_of(value):
    """What a case is called in a report."""
    return getattr(value, "__name__", value)


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=name_of)
def test_native_answers_are_accepted_unasked(name, answer, capsys):
    check(name, answer)  # in which framework it is written, check finds out
    assert capsys.readouterr().out.startswith(f"{name}: correct")


@pytest.mark.parametrize(("name", "answer"), WRONG, ids=name_of)
def test_native_wrong_answers_are_rejected(name, answer):
    with pytest.raises(WrongAnswer, match="not yet right"):
        check(name, answer)


def test_what_an_answer_is_given_does_not_hold_the_truth():
    seen = []

    def peeks(f, w, v):
        seen.append(f)
        return central(f, w, v) + 1

    with pytest.raises(WrongAnswer, match="f = the function a @ w"):
        check("directional-derivative", peeks)
    assert not hasattr(seen[0], "truth")
