"""The constants of optimizers: what each may be, the same in all wings."""

from collections.abc import Mapping

from largemodels.validation import real_number, truth, whole_number

_POSITIVE = {"minimum": 0.0}
_SHARE = {"minimum": 0.0, "maximum": 1.0, "open_above": True}
RULES = {
    "learning_rate": _POSITIVE,
    "lr": _POSITIVE,  # what torch calls it
    "momentum": _SHARE,
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "eps": _POSITIVE,
    "weight_decay": _POSITIVE,
}


def checked(options: Mapping[str, object]) -> dict[str, object]:
    """Options of an optimizer, or of a group of parameters, each held to its rule.

    Rates, eps and weight_decay are at least 0; momentum, beta_1 and beta_2 at least 0
    and below 1; `rounds` is a whole number from 1 on; `orthogonalize` is True or
    False. What has no rule here is returned as it is. Raises ValueError or TypeError.
    """
    return {name: _check(name, value) for name, value in options.items()}


def _check(name, value):
    if name == "rounds":
        return whole_number(name, value, minimum=1)
    if name == "orthogonalize":
        return truth(name, value)
    return real_number(name, value, **RULES[name]) if name in RULES else value
