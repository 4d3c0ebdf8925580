"""Every layout of the PyTorch wing on real processes, against one with the whole batch.

    torchrun --nproc-per-node 2 torch_layouts.py [FOLDER FLAGS ...]
    torch_layouts.py fork 4     one process imports everything and forks so many

Rank 0 prints what was found as one line of JSON, which the tests judge.
"""

import json
import multiprocessing
import os
import socket
import sys

import numpy as np
import torch
import torch.distributed as dist
from largemodels.configs import TransformerConfig
from largemodels.pytorch import distributed as parallel
from largemodels.pytorch import pretrain
from largemodels.pytorch.losses import cross_entropy
from largemodels.pytorch.optimizers import AdamW
from largemodels.pytorch.transformer import Transformer
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

STEPS, BATCH, CONTEXT, VOCAB = 3, 8, 5, 11
LEARNING_RATE, SEED = 0.01, 7
CONFIG = TransformerConfig(
    vocab_size=VOCAB,
    context_length=CONTEXT,
    num_layers=2,
    d_model=12,
    num_heads=4,
    num_kv_heads=4,
    d_ff=20,
)
LLAMA = TransformerConfig(
    vocab_size=VOCAB,
    context_length=CONTEXT,
    num_layers=2,
    d_model=16,
    num_heads=8,
    num_kv_heads=4,
    head_width=2,
    d_ff=20,
    gated=True,
    activation="silu",
    norm="rms",
    bias=False,
    positions="rope",
    tied_embeddings=False,
)


def data():
    """Tokens and labels, (STEPS, BATCH, CONTEXT) each."""
    rng = np.random.default_rng(3)
    text = rng.integers(VOCAB, size=(STEPS, BATCH, CONTEXT + 1))
    return torch.from_numpy(text[..., :-1].copy()), torch.from_numpy(
        text[..., 1:].copy()
    )


def run(model, rows=slice(None), forward=None, after=None, scale=None):
    """Losses, the norm of the first gradient, and the weights after STEPS updates."""
    optimizer = AdamW(model.parameters(), LEARNING_RATE)
    losses, norms = [], []
    for x, y in zip(*data(), strict=True):
        optimizer.zero_grad()
        loss = cross_entropy((forward or model)(x[rows]), y[rows])
        (loss * (scale or 1.0)).backward()
        if after:
            after()
        norms.append(parallel.global_norm([p.grad for p in model.parameters()]).item())
        optimizer.step()
        losses.append(loss.item())
    weights = parallel.gather_parameters(model)
    flat = np.concatenate([w.ravel() for w in weights.values()]) if weights else None
    return {"losses": losses, "norms": norms, "weights": flat, "optimizer": optimizer}


def part(place, sizes=None):
    """This process's rows of the batch."""
    n = place.world_size
    sizes = sizes or [BATCH // n] * n
    start = sum(sizes[: place.rank])
    return slice(start, start + sizes[place.rank])


def difference(found, reference, data_parallel=True):
    """The largest differences to the run on one process."""
    losses = torch.tensor(found["losses"], dtype=torch.float64)
    if data_parallel:
        dist.all_reduce(losses)
        losses /= dist.get_world_size()
    pairs = {"losses": (losses.numpy(), reference["losses"])}
    pairs["norms"] = found["norms"], reference["norms"]
    if found["weights"] is not None:
        pairs["weights"] = found["weights"], reference["weights"]
    return {
        key: float(np.abs(np.subtract(a, b)).max()) for key, (a, b) in pairs.items()
    }


def layouts(place):
    """Every layout's differences to one process, and what each was found to keep."""
    one = run(Transformer(CONFIG, "float64", SEED))
    found = {"ranks": place.world_size, "all_reduce": all_reduce(place)}
    found["ours"] = ours(place, one)
    found["grid"] = grids(place, one)
    if place.world_size > 2:
        return found
    ddp = DistributedDataParallel(Transformer(CONFIG, "float64", SEED))
    found["ddp"] = difference(run(ddp.module, part(place), ddp), one)
    mesh = init_device_mesh("cpu", (place.world_size,))
    model = Transformer(CONFIG, "float64", SEED)
    whole = parallel.local_numbers(model.parameters())
    result = run(parallel.shard(model, mesh), part(place))
    found["fsdp"] = difference(result, one) | kept(model, result["optimizer"], whole)
    found["state"] = states(place, model, result["optimizer"])
    for name, config in {"tensor": CONFIG, "tensor_llama": LLAMA}.items():
        reference = run(Transformer(config, "float64", SEED))
        model = parallel.split_heads(Transformer(config, "float64", SEED), mesh)
        result = run(model)
        found[name] = difference(result, reference, data_parallel=False)
    return found


def ours(place, one):
    """Our own data parallelism: buckets that overlap, one at the end, unequal parts."""
    found, n = {}, place.world_size
    for name, options in {
        "overlap": {"bucket_bytes": 999},
        "at_the_end": {"overlap": False},
    }.items():
        model = Transformer(CONFIG, "float64", SEED + place.rank)  # rank 0's is sent
        wrapped = parallel.DataParallel(model, **options)
        result = run(model, part(place), after=wrapped.finish)
        found[name] = difference(result, one)
        found[name]["buckets"] = len(wrapped.buckets)
    sizes = [BATCH - n + 1] + [1] * (n - 1)
    model = Transformer(CONFIG, "float64", SEED)
    wrapped = parallel.DataParallel(model)
    share = wrapped.share(sizes[place.rank])
    rows = part(place, sizes)
    result = run(model, rows, after=wrapped.finish, scale=share)
    result["losses"] = [share * loss for loss in result["losses"]]
    return found | {"uneven": difference(result, one)}


def all_reduce(place):
    """Our ring against dist.all_reduce, for lengths that n divides or does not."""
    found = []
    for length in (1, 12, 29):
        x = torch.from_numpy(np.random.default_rng(place.rank).standard_normal(length))
        expected = x.clone()
        dist.all_reduce(expected)
        sent = parallel.ring_all_reduce(x)
        every = [torch.empty_like(x) for _ in range(place.world_size)]
        dist.all_gather(every, x)
        found.append(
            {
                "length": length,
                "sent": sent,
                "difference": (x - expected).abs().max().item(),
                "equal_everywhere": all(torch.equal(x, other) for other in every),
            }
        )
    return found


def kept(model, optimizer, whole):
    """Numbers that this process keeps of parameters and moments, as shares."""
    moments = [
        s[k]
        for s in optimizer.state.values()
        for k in ("first_moment", "second_moment")
    ]
    return {
        "parameters": parallel.local_numbers(model.parameters()) / whole,
        "moments": parallel.local_numbers(moments) / (2 * whole),
    }


def states(place, model, optimizer):
    """Whether a state saved sharded goes on as the model itself, whole and sharded."""
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    state = parallel.DistributedState(model, optimizer, scaler)
    box = [(state.weights(), state.read())]
    dist.broadcast_object_list(box, src=0)
    weights, saved = box[0]
    x, y = (part_[0] for part_ in data())
    outcomes = []
    for sharded in (False, True):
        other = Transformer(CONFIG, "float64", 0)
        if sharded:
            parallel.shard(other, init_device_mesh("cpu", (place.world_size,)))
        again = AdamW(other.parameters(), LEARNING_RATE)
        taken = parallel.DistributedState(other, again, scaler)
        taken.load_weights(weights)
        taken.load(saved)
        cross_entropy(other(x), y).backward()
        again.step()
        outcomes.append(parallel.gather_parameters(other))
    optimizer.zero_grad()
    cross_entropy(model(x), y).backward()
    optimizer.step()
    itself = parallel.gather_parameters(model)
    gaps = [np.abs(a[k] - itself[k]).max() for a in outcomes for k in itself]
    return float(max(gaps, default=0))


def grids(place, one):
    """Sharded along one axis of a mesh, heads shared out along the other."""
    found, n = {}, place.world_size
    for data_size in [1, n] if n == 2 else [2]:
        shape = (data_size, n // data_size)
        mesh = init_device_mesh("cpu", shape, mesh_dim_names=("data", "model"))
        model = Transformer(CONFIG, "float64", SEED)
        parallel.split_heads(model, mesh["model"])
        parallel.shard(model, mesh["data"])
        size = BATCH // data_size
        start = mesh["data"].get_local_rank() * size
        result = run(model, slice(start, start + size))
        found[f"{shape[0]}x{shape[1]}"] = difference(result, one)
    return found


def lost_contact(place):
    """What the others are told when the last process dies."""
    try:
        with parallel.process_group(place) as place:
            if place.rank == place.world_size - 1:
                os._exit(0)
            dist.all_reduce(torch.ones(3))
    except parallel.DistributedError as error:
        return str(error)


def main(words=()):
    """Join, check, print; then a run of the command line for every layout.

    words: a folder for the runs, and the arguments that they have in common
    """
    with parallel.process_group() as place:
        found = layouts(place)
        if place.first:
            print(json.dumps(found), flush=True)
    folder, *words = words or [None]
    for kind in ("ddp", "fsdp", "tp") if folder else ():
        out = os.path.join(folder, kind)
        if pretrain.main([*words, "--parallel", kind, "--out", out]):
            sys.exit(f"{kind} failed")


def forked(rank, size, address):
    """One of `size` processes that have the imports already."""
    host, port = address
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size)}
    os.environ |= {"MASTER_ADDR": host, "MASTER_PORT": str(port)}
    main()
    if words := lost_contact(parallel.find_place()):
        print(json.dumps(words), flush=True)


def fork_all(size):
    """So many processes from this one. Returns the worst exit status."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    fork = multiprocessing.get_context("fork")
    children = [
        fork.Process(target=forked, args=(rank, size, address)) for rank in range(size)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    return max(child.exitcode != 0 for child in children)


if __name__ == "__main__":
    if sys.argv[1:2] == ["fork"]:
        sys.exit(fork_all(int(sys.argv[2])))
    main(sys.argv[1:])
