"""What is whole again: parameters, optimizer states and norms of a model in parts."""

import math

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.tensor import DTensor, distribute_tensor

from largemodels.parameters import check_names, from_wing, to_wing
from largemodels.pytorch.state import RunState
from largemodels.pytorch.tensor import numpy, tensor
from largemodels.structures import map_structure


@torch.no_grad()
def gather_parameters(model):
    """A model's parameters, however they are split, as a canonical dictionary.

    A collective: all processes call it. New arrays on rank 0, an empty dictionary on
    the others, which so need no room for the whole model at once.
    """
    named = {}
    for name, p in model.state_dict(keep_vars=True).items():
        value = whole(p)
        if _first():
            named[name] = from_wing(name, numpy(value), "pytorch")
    return named


@torch.no_grad()
def spread_parameters(model, named):
    """Give a model, however it is split, the values of a canonical dictionary.

    Every process takes its part from the same arrays; nothing is sent. Raises
    ValueError, before anything is changed, where names or shapes do not fit.
    """
    state = model.state_dict(keep_vars=True)
    check_names(_canonical_shapes(state), named)
    for name, p in state.items():
        value = tensor(to_wing(name, named[name], "pytorch"))
        p.copy_(like(p, value))


def _canonical_shapes(state):
    """The shapes that a canonical dictionary has, without any of the numbers."""
    blank = {n: np.broadcast_to(np.float32(0), p.shape) for n, p in state.items()}
    return {name: from_wing(name, x, "pytorch").shape for name, x in blank.items()}


def whole(x):
    """A DTensor as one tensor, on every process; others as they are."""
    return x.full_tensor() if isinstance(x, DTensor) else x


def like(p, value):
    """A tensor, the same on all processes, in the dtype and the parts of another."""
    value = value.to(p.device, p.dtype)
    if not isinstance(p, DTensor):
        return value
    return distribute_tensor(value, p.device_mesh, p.placements, src_data_rank=None)


@torch.no_grad()
def global_norm(tensors):
    """The square root of the sum of the squares of all elements of all tensors.

    tensors: plain ones, the same on every process, and DTensors, in any mixture; one
    that is cut counts every element once. A collective where some are cut.
    """
    sums = {}
    for x in tensors:
        groups = ()
        if isinstance(x, DTensor):
            mesh = x.device_mesh
            groups = tuple(
                mesh.get_group(i)
                for i, placement in enumerate(x.placements)
                if not placement.is_replicate()
            )
            x = x.to_local()
        sums[groups] = sums.get(groups, 0) + x.square().sum()
    total = 0
    for groups, part in sums.items():
        for group in groups:
            dist.all_reduce(part, group=group)
        total = total + part
    return torch.as_tensor(total).sqrt()


@torch.no_grad()
def clip_in_parts(parameters, max_norm=None, eps=1e-6):
    """optimizers.clip_gradients for parameters in parts. Returns |g| before, a float.

    max_norm: None only measures. Where |g| is not finite nothing is changed.
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = global_norm(gradients).item()
    if max_norm is not None and math.isfinite(norm) and norm + eps > max_norm:
        for g in gradients:
            part = g.to_local() if isinstance(g, DTensor) else g
            part.mul_(max_norm / (norm + eps))
    return norm


class DistributedState(RunState):
    """What a checkpoint holds of a run on several processes, in any layout.

    `weights` and `read` are collectives that return the whole on rank 0 and, on the
    others, nothing that matters. What one layout has saved, another takes back: a run
    of eight processes goes on with two, or with one.
    """

    def weights(self):
        """The parameters by canonical name, on rank 0."""
        return gather_parameters(self.model)

    def load_weights(self, named):
        """Take back what `weights` returned; on all ranks from the same arrays."""
        spread_parameters(self.model, named)

    def read(self):
        """Everything else, as a structure of arrays and numbers."""
        pieces = self.optimizer
        self.optimizer = _Gathered(pieces)
        try:
            saved = super().read()
        finally:
            self.optimizer = pieces
        return {**saved, "optimizer": type(pieces).__name__}

    def load(self, saved):
        """Take back what `read` returned. Raises ValueError where it does not fit."""
        super().load(saved)
        for p, state in self.optimizer.state.items():
            for key, value in state.items():
                if isinstance(value, torch.Tensor) and value.shape == p.shape:
                    state[key] = like(p, whole(value))


class _Gathered:
    """What an optimizer in parts would have as its state if it were whole."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def state_dict(self):
        return map_structure(whole, self.optimizer.state_dict())


def _first():
    return not dist.is_initialized() or dist.get_rank() == 0
