"""Checks of tensors that all wings share, so that a mistake reads the same in all.

A shape is a tuple, in which None is a size that a compiled function does not know yet;
a dtype is that of any framework. A check returns nothing, or says the rule and what was
given. None looks at values: a GPU need not wait, and compiled code can run it.
"""

import functools


def floating(what: str, dtype) -> None:
    """Raise TypeError unless the dtype is one of floating-point numbers."""
    if "float" not in _name(dtype):
        raise TypeError(f"{what} must be floating-point, got {_name(dtype)}")


def integers(what: str, dtype) -> None:
    """Raise TypeError unless the dtype is one of integers."""
    if "int" not in _name(dtype):
        raise TypeError(f"{what} must be integers, got {_name(dtype)}")


def same_shape(first: str, first_shape, second: str, second_shape) -> None:
    """Raise ValueError unless both have one shape and at least one element.

    Nothing is broadcast: (B, 1) against (B,) would be (B, B), and trained on in vain.
    """
    if not _fits(first_shape, second_shape):
        raise ValueError(
            f"{first} and {second} must have one shape, "
            f"got {tuple(first_shape)} and {tuple(second_shape)}"
        )
    if 0 in tuple(first_shape):
        raise ValueError(f"{first} must not be empty, got {tuple(first_shape)}")


def classes(logits_shape, labels_shape, labels_dtype) -> None:
    """Raise unless logits are (B, ..., K) and labels integers (B, ...), none empty."""
    if len(logits_shape) < 2 or 0 in tuple(logits_shape):
        raise ValueError(
            "logits must be (B, K) or, for sequences, (B, T, K) with B, K >= 1, "
            f"got {tuple(logits_shape)}"
        )
    integers("labels", labels_dtype)
    if not _fits(labels_shape, logits_shape[:-1]):
        raise ValueError(
            "labels must be one for each row of logits, "
            f"got {tuple(labels_shape)} for logits {tuple(logits_shape)}"
        )


def last_axis(what: str, shape, size: int) -> None:
    """Raise ValueError unless the last axis has this size."""
    if len(shape) == 0 or not _fits(shape[-1:], (size,)):
        raise ValueError(f"{what} must be (..., {size}), got {tuple(shape)}")


def same_dtype(first: str, first_dtype, second: str, second_dtype) -> None:
    """Raise TypeError unless both have one dtype."""
    if _name(first_dtype) != _name(second_dtype):
        raise TypeError(
            f"{first} and {second} must have one dtype, "
            f"got {_name(first_dtype)} and {_name(second_dtype)}"
        )


def sequences(shape, d_in: int) -> None:
    """Raise ValueError unless sequences are (B, T, d_in) with T >= 1."""
    if len(shape) != 3 or shape[1] == 0 or not _fits(shape[-1:], (d_in,)):
        raise ValueError(
            f"the input must be (B, T, {d_in}) with T >= 1, got {tuple(shape)}"
        )


def lengths(shape, dtype, batch_size: int) -> None:
    """Raise unless lengths are integers, one for each sequence of a batch."""
    integers("lengths", dtype)
    if not _fits(shape, (batch_size,)):
        raise ValueError(
            "lengths must be (B,), one for each sequence, "
            f"got {tuple(shape)} for B = {batch_size}"
        )


def state(shapes, count: int, batch_size: int, d_hidden: int) -> None:
    """Raise ValueError unless a state is so many tensors (B, d_hidden)."""
    shapes = [tuple(shape) for shape in shapes]
    wanted = (batch_size, d_hidden)
    if len(shapes) != count or not all(_fits(shape, wanted) for shape in shapes):
        raise ValueError(
            f"the state must be {count} of {wanted}, got the shapes {shapes}"
        )


def one_element(what: str, shape) -> None:
    """Raise ValueError unless a tensor has one element."""
    if any(size != 1 for size in tuple(shape)):
        raise ValueError(f"{what} must have one element, got shape {tuple(shape)}")


def examples(inputs_shape, labels_shape=None) -> None:
    """Raise ValueError unless there is an input, and a label for each."""
    inputs_shape = tuple(inputs_shape)
    if not inputs_shape or inputs_shape[0] == 0:
        raise ValueError(f"there must be at least one input, got {inputs_shape}")
    if labels_shape is not None and tuple(labels_shape)[:1] != inputs_shape[:1]:
        raise ValueError(
            "there must be one label for each input, "
            f"got inputs {inputs_shape} and labels {tuple(labels_shape)}"
        )


def tokens(shape, dtype) -> None:
    """Raise unless tokens are integers (B, T), at least one."""
    integers("tokens", dtype)
    if len(shape) != 2 or 0 in tuple(shape):
        raise ValueError(f"tokens must be (B, T), none empty, got {tuple(shape)}")


def attention(q, k, v, mask=None, mask_dtype=None) -> None:
    """Raise unless shapes are q (B, A, T, H), k and v (B, G, S, H), A a multiple of G.

    A mask must be (T, S), and of Booleans: numbers 0 and 1 would be read as scores.
    """
    q, k, v = tuple(q), tuple(k), tuple(v)
    fit = len(q) == 4 and _fits(k, (q[0], None, None, q[3])) and _fits(v, k)
    if not fit or k[1] == 0 or q[1] % k[1]:
        raise ValueError(
            "q must be (B, A, T, H), k and v (B, G, S, H) with A a multiple of G, "
            f"got {q}, {k} and {v}"
        )
    if mask is not None:
        if "bool" not in _name(mask_dtype):
            raise TypeError(f"mask must be Boolean, got {_name(mask_dtype)}")
        if not _fits(mask, (q[2], k[2])):
            expected = (q[2], k[2])
            raise ValueError(f"mask must be (T, S), {expected}, got {tuple(mask)}")


def rotation(x, cos, sin) -> int:
    """H / 2, where shapes are x (..., T, H), cos and sin (T, H / 2); or ValueError."""
    x, cos, sin = tuple(x), tuple(cos), tuple(sin)
    half = x[-1] // 2 if x else 0
    if len(x) < 2 or x[-1] % 2 or not all(_fits(z, (x[-2], half)) for z in (cos, sin)):
        raise ValueError(
            "x must be (..., T, H) with H even, cos and sin (T, H / 2), "
            f"got {x}, {cos} and {sin}"
        )
    return half


def extension(room, length: int, k, v, position: int | None = None) -> int:
    """The new length of a cache of shape (B, G, capacity, H), where k and v fit in.

    Raises ValueError where they are not (B, G, T, H), their first position is not the
    next one, or there is no room for all T.
    """
    room, k = tuple(room), tuple(k)
    if not _fits(k, (*room[:2], None, room[3])) or not _fits(v, k):
        expected = f"({room[0]}, {room[1]}, T, {room[3]})"
        raise ValueError(f"k and v must be {expected}, got {k} and {tuple(v)}")
    if position is not None and position != length:
        raise ValueError(
            f"position must be {length}, the first that is not in the cache, "
            f"got {position}"
        )
    if length + k[2] > room[2]:
        raise ValueError(
            f"the cache has room for {room[2]} positions, and holds {length}: "
            f"{k[2]} more do not fit"
        )
    return length + k[2]


def positions(start: int, number: int, most: int) -> None:
    """Raise ValueError unless positions from start on lie within a model's context."""
    if start + number > most:
        raise ValueError(
            f"the model has {most} positions, got {number} tokens from position "
            f"{start} on"
        )


def buildable(config):
    """A TransformerConfig that the wings can compute, as it is.

    Raises ValueError for relative positions: their parameters are named and counted,
    and no wing has their attention.
    """
    if config.positions == "relative":
        raise ValueError("positions='relative' can be counted, but not computed")
    return config


def _fits(shape, expected):
    return len(shape) == len(expected) and all(
        a == b or a is None or b is None
        for a, b in zip(tuple(shape), tuple(expected), strict=True)
    )


@functools.cache  # NumPy puts the name together each time it is asked
def _name(dtype):
    """float64 of NumPy's float64, torch.float64 and TensorFlow's."""
    return getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]
