"""Processes that train together: how they find each other, and how they part.

torchrun starts the processes and tells each its place in the environment: RANK,
WORLD_SIZE, LOCAL_RANK, and MASTER_ADDR with MASTER_PORT, where a store of keys and
values listens through which they exchange addresses.

Found by trying (PyTorch 2.13, gloo, CPU): init_process_group waits half an hour for a
rank that does not come, and does not say which; here they sign a list in the store
first. A process that dies later closes its connections, which the others see in their
next collective as a RuntimeError, not as a DistError. gloo has no average. A group is
freed by joining its threads, with Python's lock held; where one of them is just then to
free a tensor that Python has seen, it waits for that lock, and both wait for ever: one
run in seven hung at its end while DistributedDataParallel outlived the group. So what
uses a group must be gone before the body ends (call a function there), and the threads
are given a moment.
"""

import contextlib
import gc
import os
import socket
import time
import traceback
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

from largemodels.validation import real_number

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
LOST = ("gloo", "Connection closed by peer", "Connection reset", "NCCL", "Broken pipe")
_groups = 0  # process groups that this process has made
_stores = {}  # address -> the store there: it outlives a group, for the next one


class DistributedError(RuntimeError):
    """The processes cannot work together; the message says which, and what to do."""


@dataclass(frozen=True)
class Place:
    """A process among the others.

    rank        its number, from 0
    world_size  how many there are
    local_rank  its number on its machine, which is that of its GPU
    address     (host, port) where they meet; None where there is one process alone
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    address: tuple[str, int] | None = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0


def find_place(environment=None) -> Place:
    """This process's Place, from the variables that torchrun sets.

    environment: a mapping; None: os.environ. Where none of VARIABLES is set, it is one
    process alone. Raises DistributedError that names what is missing or wrong.
    """
    given = os.environ if environment is None else environment
    missing = [name for name in VARIABLES if not given.get(name)]
    if len(missing) == len(VARIABLES):
        return Place()
    if missing:
        raise DistributedError(
            f"{', '.join(missing)} must be set where "
            f"{', '.join(n for n in VARIABLES if n not in missing)} is: "
            "start the processes with torchrun, or set all four"
        )
    world_size = _number(given, "WORLD_SIZE", 1)
    rank = _number(given, "RANK", 0, world_size - 1)
    local_rank = rank
    if given.get("LOCAL_RANK"):
        local_rank = _number(given, "LOCAL_RANK", 0)
    port = _number(given, "MASTER_PORT", 1, 65535)
    return Place(rank, world_size, local_rank, (given["MASTER_ADDR"], port))


def _number(given, name, minimum, maximum=None):
    text = given[name]
    number = int(text) if text.isdecimal() else -1
    if number < minimum or (maximum is not None and number > maximum):
        rule = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
        raise DistributedError(f"{name} must be a whole number, {rule}, got {text!r}")
    return number


@contextlib.contextmanager
def process_group(place=None, device="cpu", join_timeout=60.0, timeout=1800.0):
    """Join the other processes for as long as the body runs.

        with process_group() as place:
            ...

    place         None: find_place(). Alone, nothing is joined
    device        "cpu": gloo carries the tensors; "cuda": nccl, and gloo those on the
                  CPU; the process takes the GPU of its local_rank
    join_timeout  seconds within which all must have come
    timeout       seconds that a collective waits for the others

    The group is left whatever happens. Raises DistributedError that names the ranks
    that did not come, came twice or expect another number of processes, and where in
    the body contact to another is lost.
    """
    place = find_place() if place is None else place
    if place.address is None:
        yield place
        return
    join_timeout = real_number("join_timeout", join_timeout, 0.0, open_below=True)
    timeout = real_number("timeout", timeout, 0.0, open_below=True)
    options = {"backend": "gloo", "timeout": timedelta(seconds=timeout)}
    if torch.device(device).type == "cuda":
        options |= {"backend": "cpu:gloo,cuda:nccl", "device_id": _own_gpu(place)}
    store = _meet(place, join_timeout)
    try:
        dist.init_process_group(
            store=store, rank=place.rank, world_size=place.world_size, **options
        )
        yield place
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        if not _lost(error):
            raise
        raise DistributedError(
            f"rank {place.rank} has lost contact to another process: "
            f"{str(error).splitlines()[0].partition('. This is typically')[0]}"
        ) from error
    finally:
        if dist.is_initialized():
            _leave()


def on_first(function, place):
    """Call function() on rank 0 alone. Its result, or its error, is everybody's.

    The others wait. The result travels by pickle: keep it small. An error is raised on
    all ranks, so that none waits for one that has given up.
    """
    box = [None, None]
    if place.first:
        try:
            box[0] = function()
        except Exception as error:
            box[1] = error
            error.rank = 0  # the one that is to tell
    if place.world_size > 1:
        dist.broadcast_object_list(box, src=0)
    if box[1] is not None:
        raise box[1]
    return box[0]


def _leave():
    """Leave the group, after its threads had a moment without Python's lock."""
    gc.collect()
    time.sleep(0.05)
    dist.destroy_process_group()


def _own_gpu(place):
    count = torch.cuda.device_count()
    if place.local_rank >= count:
        raise DistributedError(
            f"LOCAL_RANK must be below the number of GPUs, {count}, got "
            f"{place.local_rank}: start fewer processes on this machine"
        )
    device = torch.device("cuda", place.local_rank)
    torch.cuda.set_device(device)
    return device


def _meet(place, seconds):
    """Sign the list of those who came; return the store once all have."""
    global _groups
    _groups += 1
    end = time.monotonic() + seconds
    if place.address not in _stores:
        _stores[place.address] = _store(place, end, seconds)
    try:
        return _sign(_stores[place.address], place, end, seconds)
    except dist.DistError as error:
        del _stores[place.address]
        host, port = place.address
        raise DistributedError(
            f"rank {place.rank} has lost the store at {host}:{port}: rank 0 has gone"
        ) from error


def _sign(store, place, end, seconds):
    """Sign the list, and wait for the other names on it."""
    restart = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    store = dist.PrefixStore(f"largemodels/{restart}/{_groups}", store)
    if store.add(f"taken/{place.rank}", 1) > 1:
        raise DistributedError(
            f"RANK {place.rank} was given to two processes: each needs its own"
        )
    store.set(f"size/{place.rank}", str(place.world_size))
    missing = set(range(place.world_size))
    while missing := {r for r in missing if not store.check([f"size/{r}"])}:
        if time.monotonic() > end:
            ranks = ", ".join(map(str, sorted(missing)))
            raise DistributedError(
                f"rank {ranks} of {place.world_size} did not come within {seconds:g} "
                "seconds: start every rank, or fewer processes"
            )
        time.sleep(0.02)
    sizes = [int(store.get(f"size/{r}")) for r in range(place.world_size)]
    if set(sizes) != {place.world_size}:
        raise DistributedError(
            f"WORLD_SIZE must be the same everywhere, got {sizes} on the ranks in order"
        )
    return store


def _store(place, end, seconds):
    """The store, made by rank 0 unless torchrun has made it, reached by the others."""
    host, port = place.address
    hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    serves = place.first and not hosted
    if not serves:
        _wait_for(host, port, end, seconds)
    try:
        return dist.TCPStore(
            host,
            port,
            is_master=serves,
            wait_for_workers=False,
            timeout=timedelta(seconds=seconds),
        )
    except (dist.DistError, RuntimeError) as error:
        what = "cannot listen at" if serves else "cannot reach"
        raise DistributedError(
            f"rank {place.rank} {what} {host}:{port} (MASTER_ADDR and MASTER_PORT): "
            f"{str(error).splitlines()[0]}"
        ) from error


def _wait_for(host, port, end, seconds):
    """Wait until somebody listens there: TCPStore would, but noisily."""
    while True:
        left = end - time.monotonic()
        try:
            socket.create_connection((host, port), timeout=max(left, 0.1)).close()
            return
        except OSError as error:
            if left <= 0:
                raise DistributedError(
                    f"nobody listens at {host}:{port} (MASTER_ADDR and MASTER_PORT) "
                    f"within {seconds:g} seconds: {error}"
                ) from error
            time.sleep(min(0.2, left))


def _lost(error):
    """Whether an error is another process's silence, by its words: it has no class."""
    if not isinstance(error, RuntimeError) or isinstance(error, DistributedError):
        return False
    return isinstance(error, dist.DistError) or any(w in str(error) for w in LOST)
