"""Checks of arguments: each returns the value, or says the rule and what was given."""

import math
import operator

import numpy as np


def whole_number(name: str, value, minimum: int = 0, maximum: int | None = None) -> int:
    """An integer of any kind (Python's or NumPy's) as an `int`.

    Raises TypeError for anything that is no integer (a bool is none), ValueError where
    it is below `minimum` or above `maximum`.
    """
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}")
    if maximum is not None and number > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {number}")
    return number


def real_number(
    name: str,
    value,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    *,
    open_below: bool = False,
    open_above: bool = False,
) -> float:
    """A finite number within its bounds as a `float`.

    `open_below` leaves the minimum itself out, `open_above` the maximum. Raises
    TypeError for anything that is no real number, ValueError outside the bounds, and
    for infinity and NaN.
    """
    if isinstance(value, bool | str | bytes):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except TypeError:
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    if number < minimum or (open_below and number == minimum):
        rule = "above" if open_below else "at least"
        raise ValueError(f"{name} must be {rule} {minimum:g}, got {number}")
    if number > maximum or (open_above and number == maximum):
        rule = "below" if open_above else "at most"
        raise ValueError(f"{name} must be {rule} {maximum:g}, got {number}")
    return number


def truth(name: str, value) -> bool:
    """True or False as given; anything else, 0 and 1 too, raises TypeError."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return value


def one_of(name: str, value, allowed: tuple[str, ...]) -> str:
    """One of a few words. Raises ValueError that lists them."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
    return value


def even(name: str, value) -> int:
    """An even integer of at least 2, as an `int`."""
    number = whole_number(name, value, minimum=2)
    if number % 2:
        raise ValueError(f"{name} must be even, got {number}")
    return number


def head_sizes(d_model, num_heads, num_kv_heads=None, head_width=None):
    """The sizes (A, G, H) of attention: heads of queries, of keys, width of a head.

    G is A and H is d_model / A where None. Raises ValueError where A is no multiple of
    G, or d_model none of A and H is None.
    """
    D = whole_number("d_model", d_model, minimum=1)
    A = whole_number("num_heads", num_heads, minimum=1)
    G = A if num_kv_heads is None else num_kv_heads
    G = whole_number("num_kv_heads", G, minimum=1)
    if A % G:
        raise ValueError(
            f"num_heads must be a multiple of num_kv_heads, got {A} and {G}"
        )
    if head_width is None and D % A:
        raise ValueError(f"d_model must be a multiple of num_heads, got {D} and {A}")
    H = D // A if head_width is None else head_width
    return A, G, whole_number("head_width", H, minimum=1)


def float_type(name: str, value) -> np.dtype:
    """The NumPy dtype float32 or float64, from its name, class or dtype."""
    try:
        kind = np.dtype(value)
    except TypeError:
        kind = None
    # None is asked for by name: NumPy reads it as float64, as a dtype and in comparing.
    if value is None or kind is None or kind.name not in ("float32", "float64"):
        raise ValueError(f"{name} must be float32 or float64, got {value!r}")
    return kind
