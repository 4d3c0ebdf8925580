"""Tensor parallelism: the heads of attention, and the features, shared out.

The maps into a part of a block (query, key, value; gate, up) are cut by columns, those
out of it (output; down) by rows: a process computes its heads or its features from the
whole input, and the outputs of all are summed.

    y = act(x [U_1 U_2]) [D_1; D_2] = act(x U_1) D_1 + act(x U_2) D_2

One all-reduce for each of the two parts of a block on the way forward; on the way back
one for each map into it.

Found by trying (PyTorch 2.13): torch's own ColwiseParallel and RowwiseParallel take
torch.nn.Linear and its subclasses alone, so the two styles stand here for any module
with a weight (d_out, d_in). A DTensor and a plain tensor do not add up to a norm:
torch.nn.utils.get_total_norm refuses the mixture, `gathered.global_norm` does not.
"""

from torch import nn
from torch.distributed.tensor import (
    DTensor,
    Replicate,
    Shard,
    distribute_module,
    distribute_tensor,
)
from torch.distributed.tensor.parallel import ParallelStyle, parallelize_module


class Columns(ParallelStyle):
    """A linear map of which each process computes some outputs, from all inputs.

    In PyTorch's layout, weight (d_out, d_in), these are rows of the array.

    Source: Shoeybi et al. 2019, "Megatron-LM", arXiv 1909.08053, section 3.
    """

    weight, input, output = Shard(0), Replicate(), None

    def _apply(self, module, device_mesh):
        return distribute_module(
            module, device_mesh, self._split, self._enter, self._leave
        )

    def _split(self, name, module, mesh):
        for key, p in list(module.named_parameters(recurse=False)):
            placement = self.weight if p.ndim == 2 or self.output is None else None
            placed = distribute_tensor(p.detach(), mesh, [placement or Replicate()])
            setattr(module, key, nn.Parameter(placed, requires_grad=p.requires_grad))

    def _enter(self, module, inputs, mesh):
        return (DTensor.from_local(inputs[0], mesh, [self.input]), *inputs[1:])

    def _leave(self, module, y, mesh):
        if self.output is not None:
            y = y.redistribute(placements=[self.output])
        return y.to_local()


class Rows(Columns):
    """A linear map of which each process takes some inputs; the outputs are summed.

    Its bias is whole everywhere, and added once.
    """

    weight, input, output = Shard(1), Shard(-1), Replicate()


def split_heads(model, mesh):
    """Share a Transformer's heads and features out over a DeviceMesh, in place.

    Embeddings, norms and the map to the vocabulary stay whole on every process. All
    processes of the mesh must be given the same tokens. Returns the model. Raises
    ValueError unless the mesh's size divides num_heads, num_kv_heads and d_ff: a head
    is not cut, and a key's head serves queries on one process alone.
    """
    c, n = model.config.filled, mesh.size()
    for name in ("num_heads", "num_kv_heads", "d_ff"):
        if getattr(c, name) % n:
            raise ValueError(
                f"{name} must be a multiple of the {n} processes that share it, "
                f"got {getattr(c, name)}"
            )
    plan = {f"attention.{name}": Columns() for name in ("query", "key", "value")}
    plan |= {"attention.output": Rows(), "feed_forward.up": Columns()}
    plan |= {"feed_forward.down": Rows()}
    if c.gated:
        plan["feed_forward.gate"] = Columns()
    for block in model.blocks:
        parallelize_module(block, mesh, plan)
    return model
