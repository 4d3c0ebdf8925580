"""What all optimizers share: groups of parameters, and what is remembered of each."""

import sys

import numpy as np

from largemodels.hyperparameters import checked
from largemodels.scratch.engine import Tensor

# Elements that an update looks at together: with their state they fit into a cache, so
# that a rule of ten operations goes through memory once, not ten times.
BLOCK = 2**15


class Optimizer:
    """Changes parameters, each by the rule that a subclass writes in `update`.

    params   tensors; or groups of them: dictionaries with "params" and, where a group
             has its own, "learning_rate" or another option of the optimizer
    options  of the optimizer, by name, for groups without their own

    groups   the groups: dictionaries of "params" and every option; may be set between
             steps
    state    what is remembered: parameter -> dictionary of arrays and numbers

    Raises ValueError or TypeError where an option is wrong or unknown, or the
    parameters are none, no leaves, or given twice.
    """

    def __init__(self, params, **options):
        self.defaults = checked(options)
        self.groups, self.state, self._spare = [], {}, {}
        params = list(params)
        if not any(isinstance(p, dict) for p in params):
            params = [{"params": params}]
        for group in params:
            self.add_group(group)

    def add_group(self, group):
        """One more group of parameters: a dictionary with "params"."""
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f'a group must be a dictionary with "params", got {group}')
        params = group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        if not params or not all(isinstance(p, Tensor) for p in params):
            raise TypeError(f"params must be tensors, at least one, got {params!r}")
        options = {name: value for name, value in group.items() if name != "params"}
        if unknown := sorted(set(options) - set(self.defaults)):
            known = ", ".join(self.defaults)
            raise ValueError(f"options must be among {known}, got {unknown}")
        before = [p for other in self.groups for p in other["params"]]
        if len({id(p) for p in before + params}) < len(before) + len(params):
            raise ValueError("a parameter must be given once, got one twice")
        if any(p.parents or not p.requires_grad for p in params):
            raise ValueError("params must be leaves that gradients are taken for")
        self.groups.append({"params": params, **self.defaults, **checked(options)})

    @property
    def learning_rate(self):
        """That of the first group; setting it sets that of all groups."""
        return self.groups[0]["learning_rate"]

    @learning_rate.setter
    def learning_rate(self, rate):
        """Set the rate of all groups."""
        for group in self.groups:
            group["learning_rate"] = rate

    @property
    def params(self):
        """The parameters of all groups, in order."""
        return [p for group in self.groups for p in group["params"]]

    def zero_grad(self):
        """Forget the gradients."""
        for p in self.params:
            p.grad = None

    def step(self):
        """Change every parameter that has a gradient."""
        for group in self.groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._change(p, group)

    def start(self, p, group):
        """What is remembered of a parameter before its first update."""
        return {}

    def update(self, w, g, state, group):
        """Change w, and arrays in state, in place; g stays as it is."""
        raise NotImplementedError

    def elementwise(self, state):
        """Whether `update` may be given a stretch of the elements at a time."""
        return True

    def _change(self, p, group):
        """Fill a new array with the parameter's new value, and let it have that."""
        if p not in self.state:
            self.state[p] = self.start(p, group)
        state, old, new = self.state[p], p.data, self._free_array(p)
        if "step" in state:
            state["step"] += 1
        if p.size > BLOCK and self.elementwise(state):
            arrays = {k: v.reshape(-1) for k, v in state.items() if np.ndim(v)}
            flat = new.reshape(-1), old.reshape(-1), p.grad.reshape(-1)
            for i in range(0, p.size, BLOCK):
                w, before, g = (a[i : i + BLOCK] for a in flat)
                w[:] = before
                part = {k: a[i : i + BLOCK] for k, a in arrays.items()}
                self.update(w, g, {**state, **part}, group)
        else:
            new[...] = old
            self.update(new, p.grad, state, group)
        p.take_over(new)
        self._spare[p] = old

    def _free_array(self, p):
        """An array for the new value: the one before last, if nobody holds it.

        A graph recorded then, a view, or a caller's own name for the array is one more
        reference to it. So nothing that was recorded ever changes, and two arrays that
        take turns are all that training needs.
        """
        spare = self._spare.pop(p, None)
        if (
            spare is not None
            and sys.getrefcount(spare) == 2  # by `spare`, and by asking
            and spare.base is None
            and spare.flags.c_contiguous
            and (spare.dtype, spare.shape) == (p.dtype, p.shape)
        ):
            spare.flags.writeable = True
            return spare
        return np.empty(p.shape, p.dtype)

    # --- State that is saved and loaded ----------------------------------------------

    def state_dict(self):
        """What load_state_dict needs: {"state": {number: ...}, "groups": [...]}.

        Parameters are numbered in order over all groups; arrays are copies.
        """
        number = {p: i for i, p in enumerate(self.params)}
        return {
            "state": {
                i: {
                    k: np.copy(v) if np.ndim(v) else v for k, v in self.state[p].items()
                }
                for p, i in number.items()
                if p in self.state
            },
            "groups": [
                {**group, "params": [number[p] for p in group["params"]]}
                for group in self.groups
            ],
        }

    def load_state_dict(self, saved):
        """Go on from what state_dict returned, options of the groups included.

        Raises ValueError where groups or shapes are others.
        """
        ours = [len(group["params"]) for group in self.groups]
        theirs = [len(group["params"]) for group in saved["groups"]]
        if ours != theirs:
            raise ValueError(f"the groups must have sizes {ours}, got {theirs}")
        params, state = self.params, {}
        for i, remembered in saved["state"].items():
            p = params[int(i)]
            state[p] = {k: _like(p, k, value) for k, value in remembered.items()}
        for group, other in zip(self.groups, saved["groups"], strict=True):
            group.update({k: v for k, v in other.items() if k != "params"})
        self.state = state

    def __getstate__(self):
        """For copies and pickles: everything but the spare arrays."""
        return {**vars(self), "_spare": {}}


def _like(p, name, value):
    """A remembered value: a number, or a new array of the parameter's shape."""
    if np.ndim(value) == 0 and name == "step":
        return int(value)
    if np.shape(value) != p.shape:
        raise ValueError(f"{name} must be {p.shape}, got {np.shape(value)}")
    return np.array(value, dtype=p.dtype, order="C")
