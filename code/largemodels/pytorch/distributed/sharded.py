"""Sharding: every process keeps a part of every parameter, and of what goes with it.

A layer's parameters are gathered just before it computes and let go after it; its
gradients are summed and scattered at once (ZeRO, stage 3; FSDP).

Found by trying (PyTorch 2.13): fully_shard works with gloo on CPUs. A parameter is cut
along its first axis, padded inside where n does not divide it; the last processes may
have nothing of a short one. Parameters are DTensors afterwards: `p.to_local()` is the
part here, `p.full_tensor()` the whole, and a collective. An optimizer is made after the
model is sharded: its state is then sharded like the parameters. Gradients are averaged.
fully_shard refuses a parameter that does not lie in C order, such as a transposed copy.
"""

from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor


def shard(model, mesh, parts="blocks"):
    """Shard a model over a one-dimensional DeviceMesh, in place. Returns it.

    parts: name of the list of submodules that are gathered one at a time; what stands
    outside them is gathered together, for the whole step. A model without such a list
    is one part.

    Source: Rajbhandari et al. 2020, "ZeRO", arXiv 1910.02054, section 5; Zhao et al.
    2023, "PyTorch FSDP", arXiv 2304.11277.
    """
    for p in model.parameters():
        p.data = p.data.contiguous()
    for part in getattr(model, parts, ()):
        fully_shard(part, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def local_numbers(tensors):
    """How many numbers of these tensors this process keeps."""
    return sum((x.to_local() if isinstance(x, DTensor) else x).numel() for x in tensors)
