"""Checks of tensors that all wings share, so that a mistake reads the same in all.

A shape is a tuple, in which None is a size that a compiled function does not know yet;
a dtype is that of any framework. A check returns nothing, or says the rule and what was
given. None looks at values: a GPU need not wait, and compiled code can run it.
"""


def floating(what: str, dtype) -> None:
    """Raise TypeError unless the dtype is one of floating-point numbers."""
    if "float" not in _name(dtype):
        raise TypeError(f"{what} must be floating-point, got {_name(dtype)}")


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
    """Raise unless logits are (B, K) and labels (B,) integers, with B, K >= 1."""
    if len(logits_shape) != 2 or 0 in tuple(logits_shape):
        raise ValueError(
            f"logits must be (B, K) with B, K >= 1, got {tuple(logits_shape)}"
        )
    if "int" not in _name(labels_dtype):
        raise TypeError(f"labels must be integers, got {_name(labels_dtype)}")
    if not _fits(labels_shape, logits_shape[:1]):
        raise ValueError(
            "labels must be (B,), one for each row of logits, "
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


def _fits(shape, expected):
    return len(shape) == len(expected) and all(
        a == b or a is None or b is None
        for a, b in zip(tuple(shape), tuple(expected), strict=True)
    )


def _name(dtype):
    """float64 of NumPy's float64, torch.float64 and TensorFlow's."""
    return getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]
