"""How an answer differs from what was expected, said so that it helps."""

import numbers

import numpy as np

KINDS = {
    "b": "truth values",
    "i": "integers",
    "f": "floating-point numbers",
    "c": "complex numbers",
}


def shortened(value):
    """A value as it stands in a message: arrays with their shape, long ones cut."""
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        text = np.array2string(
            value, precision=6, threshold=24, edgeitems=2, separator=", "
        )
        return f"{text}  {value.dtype}, shape {value.shape}" if value.ndim else text
    if isinstance(value, list | tuple):
        items = [shortened(item) for item in value[:6]]
        if len(value) > 6:
            items.append(f"... {len(value)} items")
        joined = ", ".join(items)
        return f"[{joined}]" if isinstance(value, list) else f"({joined})"
    if isinstance(value, dict):
        items = (f"{key!r}: {shortened(item)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, str | int | complex | bytes | type(None)):
        text = repr(value)
        return text if len(text) <= 200 else text[:200] + "..."
    return f"a {type(value).__name__}"  # its repr may hold an address


def changed(before, after):
    """Whether arrays, numbers or texts differ, in structures of one form.

    What is neither (a function, say) is not compared.
    """
    if isinstance(before, np.ndarray):
        return difference(before, after, 0, 0) is not None
    if isinstance(before, list | tuple):
        pairs = zip(before, after, strict=False)
        return len(before) != len(after) or any(changed(*pair) for pair in pairs)
    if isinstance(before, dict):
        return before.keys() != after.keys() or any(
            changed(item, after[key]) for key, item in before.items()
        )
    return isinstance(before, str | numbers.Number) and difference(before, after, 0, 0)


def difference(expected, got, rtol, atol, where=""):
    """What is wrong with got, in words, or None: structure, then dtype, then values.

    |got - expected| <= atol + rtol |expected|, elementwise; NaN equals NaN. An integer
    will do for a single float, and a list for an array.
    """
    place = where or "the result"
    if isinstance(expected, dict):
        return _in_dict(expected, got, rtol, atol, where, place)
    if isinstance(expected, list | tuple):
        return _in_items(expected, got, rtol, atol, where, place)
    if isinstance(expected, np.ndarray | np.generic | numbers.Number):
        return _in_array(expected, got, rtol, atol, place)
    if type(got) is not type(expected):
        return f"{place} should be {_kind(expected)}, not {_kind(got)}"
    return None if got == expected else f"{place} is another than expected"


def _in_dict(expected, got, rtol, atol, where, place):
    if not isinstance(got, dict):
        return f"{place} should be a dictionary, not {_kind(got)}"
    if set(got) != set(expected):
        keys, others = (sorted(map(repr, d)) for d in (expected, got))
        return (
            f"{place} should have the keys {', '.join(keys)}, not {', '.join(others)}"
        )
    faults = (
        difference(item, got[key], rtol, atol, f"{where}[{key!r}]")
        for key, item in expected.items()
    )
    return next(filter(None, faults), None)


def _in_items(expected, got, rtol, atol, where, place):
    if isinstance(got, np.ndarray) and got.ndim:
        got = list(got)
    if not isinstance(got, list | tuple):
        return f"{place} should be {len(expected)} items, not {_kind(got)}"
    if len(got) != len(expected):
        return f"{place} should have {len(expected)} items, not {len(got)}"
    faults = (
        difference(item, got[i], rtol, atol, f"{where}[{i}]")
        for i, item in enumerate(expected)
    )
    return next(filter(None, faults), None)


def _kind(value):
    """What sort of thing a value is, in words."""
    if value is None:
        return "None (a missing return?)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"a {type(value).__name__}"


def _in_array(expected, got, rtol, atol, place):
    if not isinstance(got, np.ndarray | np.generic | numbers.Number | list | tuple):
        return f"{place} should be numbers, not {_kind(got)}"
    try:
        wanted, found = np.asarray(expected), np.asarray(got)
    except ValueError:
        return f"{place} should be an array, not rows of unequal length"
    if found.shape != wanted.shape and wanted.ndim == 0:
        return f"{place} should be a single number, not of shape {found.shape}"
    if found.shape != wanted.shape:
        return f"the shape of {place} should be {wanted.shape}, not {found.shape}"
    return _of_dtype(wanted, found, place) or _of_values(
        wanted, found, rtol, atol, place
    )


def _of_dtype(wanted, found, place):
    """Kinds must be equal in arrays; a single float may come as an integer."""
    kinds = [{"u": "i"}.get(a.dtype.kind, a.dtype.kind) for a in (wanted, found)]
    if kinds[0] == kinds[1] or (wanted.ndim == 0 and set(kinds) == {"i", "f"}):
        return None
    name = KINDS.get(kinds[0], "objects")
    return f"the dtype of {place} should be {wanted.dtype} ({name}), not {found.dtype}"


def _of_values(wanted, found, rtol, atol, place):
    if wanted.dtype.kind not in "biufc":
        return None if (wanted == found).all() else f"{place} is another than expected"
    unexpected = np.isnan(found) & ~np.isnan(wanted)
    if unexpected.any():
        return f"{place} holds NaN ({unexpected.sum()} of {found.size} values)"
    bad = ~np.isclose(found, wanted, rtol=rtol, atol=atol, equal_nan=True)
    if not bad.any():
        return None
    narrow = wanted.dtype.kind == "f" and found.dtype.itemsize < wanted.dtype.itemsize
    # 1e-3: beyond the rounding of float32 through a few hundred operations
    if narrow and np.isclose(found, wanted, rtol=1e-3, atol=1e-3, equal_nan=True).all():
        return f"{place} is {found.dtype}: it has lost digits of {wanted.dtype}"
    if wanted.ndim == 0:
        return f"{place} is another number than expected"
    with np.errstate(all="ignore"):
        gap = np.abs(found.astype(complex) - wanted.astype(complex))
    gap = np.where(bad, np.nan_to_num(gap, nan=np.inf), -1.0)
    index = tuple(map(int, np.unravel_index(gap.argmax(), gap.shape)))
    return (
        f"{place} is wrong in {bad.sum()} of {bad.size} values, most at index "
        f"{index if len(index) > 1 else index[0]}: {_scalar(found[index])} "
        f"where {_scalar(wanted[index])} is expected"
    )


def _scalar(value):
    return f"{value:.6g}" if isinstance(value, np.inexact) else str(value)
