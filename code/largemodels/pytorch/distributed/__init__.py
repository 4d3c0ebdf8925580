"""Several processes that train one model: found, joined, split, and gathered again.

processes        how they find each other, and what happens when one does not come
ring             all-reduce written out: two trips around a ring
data_parallel    every process has the whole model and a part of the batch
sharded          every process has a part of every parameter
tensor_parallel  every process has some of the heads, and some of the features
layouts          one face for the last three, as a training loop sees them
gathered         whole parameters and states again, for a checkpoint

Only this wing has the room: TensorFlow's strategies split a model in another way.
"""

from largemodels.pytorch.distributed.data_parallel import DataParallel
from largemodels.pytorch.distributed.gathered import (
    DistributedState,
    clip_in_parts,
    gather_parameters,
    global_norm,
    spread_parameters,
)
from largemodels.pytorch.distributed.layouts import Layout
from largemodels.pytorch.distributed.processes import (
    DistributedError,
    Place,
    find_place,
    on_first,
    process_group,
)
from largemodels.pytorch.distributed.ring import ring_all_reduce
from largemodels.pytorch.distributed.sharded import local_numbers, shard
from largemodels.pytorch.distributed.tensor_parallel import Columns, Rows, split_heads

__all__ = [
    "Columns",
    "DataParallel",
    "DistributedError",
    "DistributedState",
    "Layout",
    "Place",
    "Rows",
    "clip_in_parts",
    "find_place",
    "gather_parameters",
    "global_norm",
    "local_numbers",
    "on_first",
    "process_group",
    "ring_all_reduce",
    "shard",
    "split_heads",
    "spread_parameters",
]
