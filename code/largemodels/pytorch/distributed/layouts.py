"""How a Transformer lies on the processes, behind one face for a training loop."""

import contextlib

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

from largemodels.pytorch.distributed.sharded import shard
from largemodels.pytorch.distributed.tensor_parallel import split_heads
from largemodels.validation import one_of

LAYOUTS = ("ddp", "fsdp", "tp")


class Layout:
    """A Transformer on one process, or laid out over several.

    kind   "ddp"   the whole model everywhere, by DistributedDataParallel
           "fsdp"  a part of every parameter, by `shard`
           "tp"    some of the heads and features, by `split_heads`
    place  this process's Place; alone, every kind is the plain model

    model is the module with the parameters, forward what computes logits. Raises
    ValueError where the model cannot be shared out by so many.
    """

    def __init__(self, model, kind, place):
        one_of("kind", kind, LAYOUTS)
        self.model = self.forward = model
        self.kind = kind if place.world_size > 1 else None
        self.place = place
        self.device = next(model.parameters()).device
        if self.kind in ("fsdp", "tp"):
            mesh = init_device_mesh(self.device.type, (place.world_size,))
            (shard if kind == "fsdp" else split_heads)(model, mesh)
        elif self.kind == "ddp":
            gpus = [self.device] if self.device.type == "cuda" else None
            self.forward = DistributedDataParallel(model, device_ids=gpus)

    def parts(self, batch, accumulate):
        """This process's indices of a batch, in `accumulate` equal parts.

        Raises ValueError where they cannot be equal: their mean gradients would not
        average to that of the batch.
        """
        n = self.place.world_size if self.kind in ("ddp", "fsdp") else 1
        if len(batch) % (n * accumulate):
            raise ValueError(
                "batch_size must be a multiple of processes times accumulate, got "
                f"{len(batch)} with {n} and {accumulate}"
            )
        own = np.split(np.asarray(batch), n)[self.place.rank if n > 1 else 0]
        return np.split(own, accumulate)

    @contextlib.contextmanager
    def adding(self, last):
        """Gradients of the body are added up, and averaged only with the last part."""
        if self.kind == "fsdp":
            self.model.set_requires_gradient_sync(last)
        quiet = self.kind == "ddp" and not last
        with self.forward.no_sync() if quiet else contextlib.nullcontext():
            yield

    def mean(self, *values):
        """The means of numbers over all processes, as a list of floats."""
        if self.kind is None:
            return [float(value) for value in values]
        means = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(means)
        return (means / self.place.world_size).tolist()
