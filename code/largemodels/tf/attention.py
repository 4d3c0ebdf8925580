"""Attention: queries that look keys up, in heads, with positions and a cache."""

import math
from typing import ClassVar

import keras
import tensorflow as tf

from largemodels import checks
from largemodels.tf.functional import softmax
from largemodels.tf.layers import Linear
from largemodels.validation import (
    even,
    float_type,
    head_sizes,
    real_number,
    whole_number,
)

__all__ = [
    "KVCache",
    "MultiHeadAttention",
    "apply_rotary",
    "attention",
    "causal_mask",
    "rotary",
    "sinusoidal",
]


def attention(q, k, v, mask=None):
    """Scaled dot-product attention.

    P = softmax(q k^T / sqrt(H)) over S;  out = P v

    q: (B, A, T, H)   k, v: (B, G, S, H)   mask: (T, S) bool, True = may attend, or None
    A is a multiple of G: each head of k and v serves A / G heads of q in a row (grouped
    queries). Returns (B, A, T, H); a row whose mask is all False gives zeros. Raises
    ValueError where the shapes do not fit, TypeError where the mask is not Boolean.

    Source: Vaswani et al. 2017, eq. 1; grouped queries: Ainslie et al. 2023.
    Differs: torch.nn.MultiheadAttention reads True as "may not attend".
    """
    given = () if mask is None else (mask.shape, mask.dtype)
    checks.attention(q.shape, k.shape, v.shape, *given)
    heads, groups = q.shape[1], k.shape[1]
    if groups < heads:
        k, v = (tf.repeat(x, heads // groups, axis=1) for x in (k, v))
    scores = tf.matmul(q, k, transpose_b=True) / math.sqrt(q.shape[-1])
    if mask is None:
        return softmax(scores) @ v
    least = scores.dtype.min  # e^least is 0, and least - least is 0
    p = softmax(tf.where(mask, scores, least))
    return tf.where(mask, p, tf.zeros_like(p)) @ v


def causal_mask(T, S=None):
    """Which of S keys each of the last T positions may attend to: not to later ones.

    mask[t, s] = s <= t + S - T, shape (T, S); S = T where it is None. Raises ValueError
    where there are fewer keys than queries.

    Differs: is_causal=True of torch's scaled_dot_product_attention means s <= t: the
    first T positions, not the last, where S > T.
    """
    T = whole_number("T", T, minimum=1)
    S = T if S is None else whole_number("S", S, minimum=T)
    return tf.range(S) <= tf.range(T)[:, None] + (S - T)


def rotary(positions, head_width, base=10000.0):
    """cos and sin of the angles by which rotary embedding turns pairs of numbers.

    angle[t, i] = positions[t] base^(-2 i / H), i from 0 to H / 2 - 1

    positions: (T,); returns two float64 tensors (T, H / 2). Raises ValueError where
    head_width, H, is odd.

    Source: Su et al. 2021, "RoFormer", arXiv 2104.09864, section 3.2.2.
    """
    H = even("head_width", head_width)
    base = real_number("base", base, 0.0, open_below=True)
    i = tf.range(H // 2, dtype=tf.float64)
    angle = tf.cast(positions, tf.float64)[:, None] * base ** (-2 * i / H)
    return tf.cos(angle), tf.sin(angle)


def apply_rotary(x, cos, sin):
    """Turn each pair (x_i, x_{i + H/2}) by its angle.

    z_i = x_i cos_i - x_{i + H/2} sin_i;   z_{i + H/2} = x_{i + H/2} cos_i + x_i sin_i

    x: (..., T, H); cos, sin: (T, H / 2), as `rotary` returns them, rounded to the dtype
    of x; z: as x. Raises ValueError where the shapes do not fit.

    Source: Su et al. 2021, arXiv 2104.09864, eq. 34.
    Differs: the paper pairs neighbors, x_{2i} with x_{2i+1}; halves, as in Hugging Face
    LLaMA, are the same up to the order of the columns of the query and key maps
    (parameters.huggingface.neighbors_to_halves).
    """
    half = checks.rotation(x.shape, cos.shape, sin.shape)
    cos, sin = tf.cast(cos, x.dtype), tf.cast(sin, x.dtype)
    first, second = x[..., :half], x[..., half:]
    return tf.concat((first * cos - second * sin, second * cos + first * sin), -1)


def sinusoidal(num_positions, d_model):
    """The fixed encoding of positions: sines and cosines of many wavelengths.

    z[t, 2 i] = sin(t / 10000^(2 i / D));   z[t, 2 i + 1] = cos(t / 10000^(2 i / D))

    Returns a float64 tensor (num_positions, d_model).

    Source: Vaswani et al. 2017, section 3.5.
    Differs: there the embedding of the tokens is multiplied by sqrt(D) before the sum.
    """
    T = whole_number("num_positions", num_positions, minimum=1)
    D = whole_number("d_model", d_model, minimum=1)
    t = tf.range(T, dtype=tf.float64)[:, None]
    angle = t * 10000.0 ** -(tf.range(0, D, 2, dtype=tf.float64) / D)
    waves = tf.stack((tf.sin(angle), tf.cos(angle)), -1)
    return tf.reshape(waves, (T, -1))[:, :D]


class KVCache:
    """Keys and values of the positions seen so far, of one attention layer.

    Memory for `capacity` positions is taken once. `length` is how many it holds, and a
    variable, so that a compiled function can go on. It is for use, not for training.
    Raises ValueError where a size is below 1.
    """

    def __init__(self, batch, num_kv_heads, capacity, head_width, dtype="float32"):
        sizes = {"batch": batch, "num_kv_heads": num_kv_heads}
        sizes |= {"capacity": capacity, "head_width": head_width}
        shape = [whole_number(name, n, minimum=1) for name, n in sizes.items()]
        kind = float_type("dtype", dtype)
        self.keys = tf.Variable(tf.zeros(shape, kind), trainable=False)
        self.values = tf.Variable(tf.zeros(shape, kind), trainable=False)
        self.length = tf.Variable(0, trainable=False)

    def extend(self, k, v, position=None):
        """Add keys and values, (B, G, T, H). Returns all, (B, G, capacity, H) each.

        Past `length` the result holds zeros, which a mask must hide: shapes are fixed
        where a function is compiled. position: that of the first of them; None: the
        next one. Raises ValueError where it is another than the next, there is no room,
        or the shapes do not fit; in a compiled function shapes alone.
        """
        start = self.length.value()
        if tf.executing_eagerly():
            place = None if position is None else int(position)
            given = k.shape, v.shape, place
            checks.extension(self.keys.shape, int(start), *given)
        end = start + tf.shape(k)[2]
        self.keys[:, :, start:end].assign(k)
        self.values[:, :, start:end].assign(v)
        self.length.assign(end)
        return self.keys.value(), self.values.value()


@keras.saving.register_keras_serializable("largemodels")
class MultiHeadAttention(keras.layers.Layer):
    """Attention of every position of a sequence to the others, in several heads.

    out = concat_a(attention(x W_Q^a, x W_K^g, x W_V^g)) W_O

    d_model       width D of x, and of the output
    num_heads     heads A of queries
    num_kv_heads  heads G of keys and values, a divisor of A; None: A
    head_width    width H of a head; None: D / A
    bias          whether the output map has a bias, and those of query, key and value
    qkv_bias      biases of query, key and value alone; None: as `bias`

    x: (B, T, D); out: (B, T, D). The four maps start as Linear does, with the seeds
    4 seed to 4 seed + 3. Raises ValueError where sizes do not fit.

    Source: Vaswani et al. 2017, section 3.2.2.
    """

    canonical: ClassVar = {"output_map": "output"}  # Keras itself has an `output`

    def __init__(
        self,
        d_model,
        num_heads,
        num_kv_heads=None,
        head_width=None,
        bias=True,
        qkv_bias=None,
        dtype="float32",
        seed=0,
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        A, G, H = head_sizes(d_model, num_heads, num_kv_heads, head_width)
        inner = bias if qkv_bias is None else qkv_bias
        self.sizes = {"d_model": d_model, "num_heads": A, "num_kv_heads": G}
        self.sizes |= {"head_width": H, "bias": bias, "qkv_bias": inner, "seed": seed}
        self.head_width = H
        self.query = Linear(d_model, A * H, inner, dtype, 4 * seed)
        self.key = Linear(d_model, G * H, inner, dtype, 4 * seed + 1)
        self.value = Linear(d_model, G * H, inner, dtype, 4 * seed + 2)
        self.output_map = Linear(A * H, d_model, bias, dtype, 4 * seed + 3)
        self.built = True

    def call(self, x, attention_mask=None, rotation=None, cache=None, position=None):
        """(B, T, D) -> (B, T, D).

        attention_mask  (T, S) bool, True = may attend; "causal": to no later position;
                        or None: to all
        rotation        (cos, sin) of the positions, as `rotary` returns them, or None
        cache           a KVCache: x are the next positions, the S keys all from the
                        first on
        position        that of the first of x, held against the cache's
        """
        q, k, v = (self._heads(m(x)) for m in (self.query, self.key, self.value))
        if rotation is not None:
            q, k = apply_rotary(q, *rotation), apply_rotary(k, *rotation)
        start, T, mask = 0, _sizes(q)[2], attention_mask
        if cache is not None:
            start = cache.length.value()
            k, v = cache.extend(k, v, position)
        if isinstance(mask, str):
            mask = tf.range(_sizes(k)[2]) <= start + tf.range(T)[:, None]
        elif cache is not None:
            mask = _seen(mask, T, start + T, k.shape[2])
        out = tf.transpose(attention(q, k, v, mask), (0, 2, 1, 3))
        return self.output_map(tf.reshape(out, (*_sizes(x)[:2], self.query.d_out)))

    def _heads(self, z):
        """(B, T, A H) -> (B, A, T, H)."""
        heads = z.shape[-1] // self.head_width
        z = tf.reshape(z, (*_sizes(z)[:2], heads, self.head_width))
        return tf.transpose(z, (0, 2, 1, 3))

    def get_config(self):
        """The arguments that make this layer again."""
        return {**super().get_config(), **self.sizes}


def _sizes(x):
    """The size of each axis: a number where it is known, a tensor where it is not."""
    return [n or tf.shape(x)[i] for i, n in enumerate(x.shape)]


def _seen(mask, T, length, capacity):
    """A mask for the positions in a cache, which hides the room that is left."""
    if mask is None:
        return tf.tile(tf.range(capacity)[None] < length, (T, 1))
    return tf.pad(mask, [[0, 0], [0, capacity - length]])
