"""What all optimizers share: options that are checked, and the loop over parameters."""

import torch

from largemodels.hyperparameters import checked


class Optimizer(torch.optim.Optimizer):
    """Changes parameters, each by the rule that a subclass writes in `update`.

    params   parameters, or groups of them: dictionaries with "params" and, where a
             group has its own, "lr" or another option of the optimizer
    options  of the optimizer, by name; learning_rate is "lr" in param_groups, as
             torch's schedulers expect

    Raises ValueError or TypeError where an option is wrong or unknown, or no parameters
    are given.
    """

    def __init__(self, params, learning_rate, **options):
        options = checked({"learning_rate": learning_rate, **options})
        super().__init__(params, {"lr": options.pop("learning_rate"), **options})

    def add_param_group(self, param_group):
        """One more group of parameters: a dictionary with "params"."""
        if isinstance(param_group, dict):
            known = {"params", "param_names", "initial_lr", *self.defaults}
            if unknown := sorted(set(param_group) - known):
                names = ", ".join(self.defaults)
                raise ValueError(f"options must be among {names}, got {unknown}")
            param_group = checked(param_group)
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure=None):
        """Change every parameter that has a gradient.

        Calls a closure, where given, with gradients enabled, and returns its loss.
        Raises ValueError where a gradient is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._change(p, p.grad, group)
        return loss

    def _change(self, p, g, group):
        if g.layout != torch.strided:
            raise ValueError(f"gradients must be dense, got {g.layout}")
        state = self.state[p]
        if not state:
            state.update(self.start(p, group))
        if "step" in state:
            state["step"] += 1
        self.update(p, g, state, group)

    def start(self, p, group):
        """What is remembered of a parameter before its first update."""
        return {}

    def update(self, w, g, state, group):
        """Change w, and tensors in state, in place; g stays as it is."""
        raise NotImplementedError
