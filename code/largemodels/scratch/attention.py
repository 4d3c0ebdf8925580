"""Attention: queries that look keys up, in heads, with positions and a cache."""

import numpy as np

from largemodels import checks
from largemodels.scratch.engine import Tensor
from largemodels.scratch.fused import attention_weights
from largemodels.scratch.layers import Linear, Module
from largemodels.scratch.ops import concatenate, reshape, transpose
from largemodels.scratch.tensor import numpy
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
    mask = None if mask is None else numpy(mask)
    given = () if mask is None else (mask.shape, mask.dtype)
    checks.attention(q.shape, k.shape, v.shape, *given)
    B, A, T, H = q.shape
    G = k.shape[1]
    if G < A:  # the heads of a group stand below one another: rows, as positions are
        q = reshape(q, (B, G, A // G * T, H))
        mask = None if mask is None else np.tile(mask, (A // G, 1))
    out = attention_weights(q, k, mask) @ v
    return reshape(out, (B, A, T, H)) if G < A else out


def causal_mask(T, S=None):
    """Which of S keys each of the last T positions may attend to: not to later ones.

    mask[t, s] = s <= t + S - T, shape (T, S); S = T where it is None. Raises ValueError
    where there are fewer keys than queries.

    Differs: is_causal=True of torch's scaled_dot_product_attention means s <= t: the
    first T positions, not the last, where S > T.
    """
    T = whole_number("T", T, minimum=1)
    S = T if S is None else whole_number("S", S, minimum=T)
    return np.tri(T, S, S - T, dtype=bool)


def rotary(positions, head_width, base=10000.0):
    """cos and sin of the angles by which rotary embedding turns pairs of numbers.

    angle[t, i] = positions[t] base^(-2 i / H), i from 0 to H / 2 - 1

    positions: (T,); returns two float64 arrays (T, H / 2). Raises ValueError where
    head_width, H, is odd.

    Source: Su et al. 2021, "RoFormer", arXiv 2104.09864, section 3.2.2.
    """
    H = even("head_width", head_width)
    base = real_number("base", base, 0.0, open_below=True)
    i = np.arange(H // 2)
    angle = np.asarray(positions, "float64")[:, None] * base ** (-2 * i / H)
    return np.cos(angle), np.sin(angle)


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
    cos, sin = cos.astype(x.dtype), sin.astype(x.dtype)
    first, second = x[..., :half], x[..., half:]
    turned = first * cos - second * sin, second * cos + first * sin
    return concatenate(*turned, axis=-1)


def sinusoidal(num_positions, d_model):
    """The fixed encoding of positions: sines and cosines of many wavelengths.

    z[t, 2 i] = sin(t / 10000^(2 i / D));   z[t, 2 i + 1] = cos(t / 10000^(2 i / D))

    Returns a float64 array (num_positions, d_model).

    Source: Vaswani et al. 2017, section 3.5.
    Differs: there the embedding of the tokens is multiplied by sqrt(D) before the sum.
    """
    T = whole_number("num_positions", num_positions, minimum=1)
    D = whole_number("d_model", d_model, minimum=1)
    angle = np.arange(T)[:, None] * 10000.0 ** -(np.arange(0, D, 2) / D)
    return np.stack((np.sin(angle), np.cos(angle)), -1).reshape(T, -1)[:, :D]


class KVCache:
    """Keys and values of the positions seen so far, of one attention layer.

    Memory for `capacity` positions is taken once. `length` is how many it holds. It is
    for use, not for training: nothing is recorded. Raises ValueError where a size is
    below 1.
    """

    def __init__(self, batch, num_kv_heads, capacity, head_width, dtype="float32"):
        sizes = {"batch": batch, "num_kv_heads": num_kv_heads}
        sizes |= {"capacity": capacity, "head_width": head_width}
        shape = [whole_number(name, n, minimum=1) for name, n in sizes.items()]
        self.keys = np.zeros(shape, float_type("dtype", dtype))
        self.values = np.zeros_like(self.keys)
        self.length = 0

    def extend(self, k, v, position=None):
        """Add keys and values, (B, G, T, H) each. Returns all: (B, G, length, H) each.

        position: that of the first of them; None: the next one. Raises ValueError where
        it is another than the next, there is no room, the shapes do not fit, or a
        gradient is being recorded.
        """
        if k.requires_grad or v.requires_grad:
            raise ValueError("a cache keeps no gradients: call inside no_grad()")
        end = checks.extension(self.keys.shape, self.length, k.shape, v.shape, position)
        self.keys[:, :, self.length : end] = k.data
        self.values[:, :, self.length : end] = v.data
        self.length = end
        seen = slice(None), slice(None), slice(end)  # what stands there stays as it is
        return Tensor.holding(self.keys[seen]), Tensor.holding(self.values[seen])


class MultiHeadAttention(Module):
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
    ):
        A, G, H = head_sizes(d_model, num_heads, num_kv_heads, head_width)
        inner = bias if qkv_bias is None else qkv_bias
        self.head_width = H
        self.query = Linear(d_model, A * H, inner, dtype, 4 * seed)
        self.key = Linear(d_model, G * H, inner, dtype, 4 * seed + 1)
        self.value = Linear(d_model, G * H, inner, dtype, 4 * seed + 2)
        self.output = Linear(A * H, d_model, bias, dtype, 4 * seed + 3)

    def forward(self, x, attention_mask=None, rotation=None, cache=None, position=None):
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
        if cache is not None:
            k, v = cache.extend(k, v, position)
        mask = attention_mask
        if isinstance(mask, str):
            mask = causal_mask(q.shape[2], k.shape[2])
        out = transpose(attention(q, k, v, mask), (0, 2, 1, 3))
        B, T, A, H = out.shape
        return self.output(reshape(out, (B, T, A * H)))

    def _heads(self, z):
        """(B, T, A H) -> (B, A, T, H)."""
        (B, T, width), H = z.shape, self.head_width
        return transpose(reshape(z, (B, T, width // H, H)), (0, 2, 1, 3))
