"""The one place of this room that knows the frameworks apart.

It imports none of them: a tensor can only come from a framework that is loaded, so
that `sys.modules` has it.
"""

import dis
import functools
import inspect
import itertools
import sys
import types

import numpy as np

FRAMEWORKS = {"numpy": "NumPy", "torch": "PyTorch", "tensorflow": "TensorFlow"}
OWNERS = {
    "torch": "torch",
    "tensorflow": "tensorflow",
    "keras": "tensorflow",
    "largemodels.pytorch": "torch",
    "largemodels.tf": "tensorflow",
}
READS = {"LOAD_GLOBAL", "LOAD_NAME"}  # instructions that read a global name
MOST_ITEMS = 10_000  # of a generator that does not end


def framework_of(function):
    """The framework in which a function is written: numpy, torch or tensorflow.

    Found from the names that it uses, and that the functions beside it use which it
    calls. Raises ValueError where both PyTorch and TensorFlow are among them.
    """
    found = set()
    while isinstance(function, functools.partial):
        function = function.func
    _search(function, found, set(), getattr(function, "__module__", None))
    if len(found) > 1:
        raise ValueError(
            "the function uses both PyTorch and TensorFlow: say whose tensors it "
            'takes, framework="torch" or framework="tensorflow"'
        )
    return found.pop() if found else "numpy"


def _owner(module):
    """The framework that a module belongs to, or None."""
    parts = module.split(".") if isinstance(module, str) else [""]
    return OWNERS.get(parts[0]) or OWNERS.get(".".join(parts[:2]))


def _search(thing, found, seen, home):
    """Add to found the frameworks that something uses; follow what is from home."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, types.ModuleType):
        found.update({_owner(thing.__name__)} - {None})
        return
    kinds = thing.__mro__ if isinstance(thing, type) else type(thing).__mro__
    modules = [getattr(thing, "__module__", None), *(kind.__module__ for kind in kinds)]
    owners = {_owner(module) for module in modules} - {None}
    found.update(owners)
    if owners:
        return
    if isinstance(thing, functools.partial):
        _search(thing.func, found, seen, home)
    elif home not in modules:
        return
    elif isinstance(thing, type):
        for member in vars(thing).values():
            _search(getattr(member, "__func__", member), found, seen, home)
    elif inspect.isroutine(thing):
        _search_function(inspect.unwrap(thing), found, seen, home)
    else:
        _search(type(thing), found, seen, home)


def _search_function(function, found, seen, home):
    """Look through the names that a function's code uses, nested code included."""
    function = getattr(function, "__func__", function)
    codes, names = [getattr(function, "__code__", None)], set()
    while codes and codes[-1] is not None:
        code = codes.pop()
        reads = (i for i in dis.get_instructions(code) if i.opname in READS)
        names.update(i.argval for i in reads)  # co_names has attributes too
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    reach = getattr(function, "__globals__", {})
    used = [reach[name] for name in sorted(names) if name in reach]
    used += getattr(function, "__annotations__", {}).values()
    for cell in getattr(function, "__closure__", None) or ():
        used += [] if cell == types.CellType() else [cell.cell_contents]
    for thing in used:
        _search(thing, found, seen, home)


def loaded(framework):
    """The module of a framework. Raises ValueError where it is none or not loaded."""
    if framework not in FRAMEWORKS:
        raise ValueError(f"framework is one of {sorted(FRAMEWORKS)}, got {framework!r}")
    if framework not in sys.modules:
        raise ValueError(f"{FRAMEWORKS[framework]} is not imported: import it first")
    return sys.modules[framework]


def to_framework(value, framework):
    """The value with a copy, as the framework's tensor, of every NumPy array in it.

    Lists, tuples and dictionaries are followed. A function, or an object that can be
    called like one, is wrapped, so that it takes and gives the framework's tensors.
    """
    follow = functools.partial(to_framework, framework=framework)
    if isinstance(value, np.ndarray):
        copy = value.copy()
        if framework == "torch":
            return loaded("torch").from_numpy(copy)
        if framework == "tensorflow":
            return loaded("tensorflow").convert_to_tensor(copy)
        return copy
    if isinstance(value, list | tuple | dict):
        return _followed(value, follow)
    if framework != "numpy" and callable(value) and not isinstance(value, type):
        return in_framework(value, framework)
    return value


def to_numpy(value):
    """The value with every tensor in it, of whichever framework, as a NumPy array.

    Lists, tuples and dictionaries are followed; generators and other iterators become
    lists.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        value = value.detach().cpu()
        return (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, list | tuple | dict):
        return _followed(value, to_numpy)
    if type(value).__module__.startswith("largemodels.scratch."):
        data = getattr(value, "data", value)
        return data.copy() if isinstance(data, np.ndarray) else value
    if _owner(type(value).__module__) == "tensorflow" and not callable(value):
        return np.array(loaded("tensorflow").convert_to_tensor(value))
    if hasattr(value, "__next__"):
        return [to_numpy(item) for item in itertools.islice(value, MOST_ITEMS)]
    return value


def _followed(value, function):
    """A list, tuple or dictionary with the function of every item."""
    if isinstance(value, dict):
        return {key: function(item) for key, item in value.items()}
    items = [function(item) for item in value]
    return items if isinstance(value, list) else tuple(items)


def in_framework(function, framework):
    """A NumPy function as one that takes and gives the framework's tensors."""

    @functools.wraps(function)
    def wrapped(*arguments, **named):
        result = function(*to_numpy(arguments), **to_numpy(named))
        if isinstance(result, np.generic):
            result = np.asarray(result)
        return to_framework(result, framework)

    return wrapped


def in_numpy(function, framework):
    """A framework's function as one that takes and gives NumPy arrays."""

    @functools.wraps(function)
    def wrapped(*arguments, **named):
        arguments = to_framework(arguments, framework)
        return to_numpy(function(*arguments, **to_framework(named, framework)))

    return wrapped
