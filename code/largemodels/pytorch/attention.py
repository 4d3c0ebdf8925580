"""Attention: queries that look keys up, in heads, with positions and a cache."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from largemodels import checks
from largemodels.pytorch.functional import softmax
from largemodels.pytorch.layers import Linear
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
    group = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(group, 1) for x in (k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is None:
        return softmax(scores) @ v
    least = torch.finfo(scores.dtype).min  # e^least is 0, and least - least is 0
    return torch.where(mask, softmax(torch.where(mask, scores, least)), 0) @ v


def causal_mask(T, S=None):
    """Which of S keys each of the last T positions may attend to: not to later ones.

    mask[t, s] = s <= t + S - T, shape (T, S); S = T where it is None. Raises ValueError
    where there are fewer keys than queries.

    Differs: is_causal=True of torch's scaled_dot_product_attention means s <= t: the
    first T positions, not the last, where S > T.
    """
    T = whole_number("T", T, minimum=1)
    S = T if S is None else whole_number("S", S, minimum=T)
    return torch.ones(T, S, dtype=torch.bool).tril(S - T)


def rotary(positions, head_width, base=10000.0):
    """cos and sin of the angles by which rotary embedding turns pairs of numbers.

    angle[t, i] = positions[t] base^(-2 i / H), i from 0 to H / 2 - 1

    positions: (T,); returns two float64 tensors (T, H / 2). Raises ValueError where
    head_width, H, is odd.

    Source: Su et al. 2021, "RoFormer", arXiv 2104.09864, section 3.2.2.
    """
    H = even("head_width", head_width)
    base = real_number("base", base, 0.0, open_below=True)
    positions = torch.as_tensor(positions, dtype=torch.float64)
    i = torch.arange(H // 2, dtype=torch.float64, device=positions.device)
    angle = positions[:, None] * base ** (-2 * i / H)
    return torch.cos(angle), torch.sin(angle)


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
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def sinusoidal(num_positions, d_model):
    """The fixed encoding of positions: sines and cosines of many wavelengths.

    z[t, 2 i] = sin(t / 10000^(2 i / D));   z[t, 2 i + 1] = cos(t / 10000^(2 i / D))

    Returns a float64 tensor (num_positions, d_model).

    Source: Vaswani et al. 2017, section 3.5.
    Differs: there the embedding of the tokens is multiplied by sqrt(D) before the sum.
    """
    T = whole_number("num_positions", num_positions, minimum=1)
    D = whole_number("d_model", d_model, minimum=1)
    t = torch.arange(T, dtype=torch.float64)[:, None]
    angle = t * 10000.0 ** -(torch.arange(0, D, 2, dtype=torch.float64) / D)
    return torch.stack((torch.sin(angle), torch.cos(angle)), -1).flatten(1)[:, :D]


class KVCache:
    """Keys and values of the positions seen so far, of one attention layer.

    Memory for `capacity` positions is taken once. `length` is how many it holds. It is
    for use, not for training: nothing is recorded. Raises ValueError where a size is
    below 1.
    """

    def __init__(
        self, batch, num_kv_heads, capacity, head_width, dtype="float32", device=None
    ):
        sizes = {"batch": batch, "num_kv_heads": num_kv_heads}
        sizes |= {"capacity": capacity, "head_width": head_width}
        shape = [whole_number(name, n, minimum=1) for name, n in sizes.items()]
        kind = getattr(torch, float_type("dtype", dtype).name)
        self.keys = torch.zeros(shape, dtype=kind, device=device)
        self.values = torch.zeros_like(self.keys)
        self.length = 0

    def extend(self, k, v, position=None):
        """Add keys and values, (B, G, T, H) each. Returns all: (B, G, length, H) each.

        position: that of the first of them; None: the next one. Raises ValueError where
        it is another than the next, there is no room, the shapes do not fit, or a
        gradient is being recorded.
        """
        if torch.is_grad_enabled() and (k.requires_grad or v.requires_grad):
            raise ValueError("a cache keeps no gradients: call inside torch.no_grad()")
        end = checks.extension(self.keys.shape, self.length, k.shape, v.shape, position)
        self.keys[:, :, self.length : end] = k
        self.values[:, :, self.length : end] = v
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]


class MultiHeadAttention(nn.Module):
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

    fused = True  # with PyTorch's own kernel; False: by `attention`, as written above

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
        super().__init__()
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
        out = (self._kernel if self.fused else self._written_out)(
            q, k, v, attention_mask
        )
        return self.output(out.transpose(1, 2).flatten(2))

    def _heads(self, z):
        """(B, T, A H) -> (B, A, T, H)."""
        return z.unflatten(-1, (-1, self.head_width)).transpose(1, 2)

    def _written_out(self, q, k, v, mask):
        if isinstance(mask, str):
            mask = causal_mask(q.shape[2], k.shape[2]).to(q.device)
        return attention(q, k, v, mask)

    def _kernel(self, q, k, v, mask):
        T, S = q.shape[2], k.shape[2]
        grouped = q.shape[1] != k.shape[1]
        causal = isinstance(mask, str) and T == S
        if isinstance(mask, str):  # one query, the last, may attend to all
            late = None if T == 1 else causal_mask(T, S).to(q.device)
            mask = None if causal else late
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=causal, enable_gqa=grouped
        )
