"""All-reduce written out: every process ends with the sum of all.

The tensor is cut into as many parts as there are processes, which stand in a ring. In
n - 1 steps every process passes a part on to the next and adds what it receives: each
then has one part complete (reduce-scatter). In n - 1 more the complete parts go round
(all-gather).
"""

import torch
import torch.distributed as dist

from largemodels import checks


@torch.no_grad()
def ring_all_reduce(x, group=None):
    """Replace a tensor by its sum over all processes. Returns the bytes it sent.

    bytes = 2 (n - 1) / n times those of x, where n divides its elements: nearly
    independent of n, which is why a ring is used

    x: floating-point, of the same shape everywhere; group: None is all processes.
    Parts are of equal length up to one element. Sums are taken in another order in
    every part, so that results agree on all processes to the last bit, and with
    dist.all_reduce to rounding.

    Source: Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms for
    clusters of workstations", doi 10.1016/j.jpdc.2008.09.002.
    """
    checks.floating("the tensor", x.dtype)
    n, rank = dist.get_world_size(group), dist.get_rank(group)
    whole = x.contiguous().view(-1)
    parts = whole.tensor_split(n)
    room = torch.empty_like(parts[0])  # the longest
    sent = 0
    for step in range(2 * (n - 1)):
        gathering = step >= n - 1
        give, take = (rank - step) % n, (rank - step - 1) % n
        if gathering:  # the complete part of each process is the one after its own
            k = step - (n - 1)
            give, take = (rank + 1 - k) % n, (rank - k) % n
        received = room[: len(parts[take])]
        sent += _exchange(parts[give], received, rank, n, group)
        if gathering:
            parts[take].copy_(received)
        else:
            parts[take].add_(received)
    if not x.is_contiguous():
        x.copy_(whole.view(x.shape))
    return sent


def _exchange(given, received, rank, n, group):
    """Send to the next in the ring while receiving from the one before."""
    operations = [
        dist.P2POp(dist.isend, given, group=group, group_peer=(rank + 1) % n),
        dist.P2POp(dist.irecv, received, group=group, group_peer=(rank - 1) % n),
    ]
    operations = [op for op in operations if op.tensor.numel()]
    for work in dist.batch_isend_irecv(operations) if operations else ():
        work.wait()
    return given.numel() * given.element_size()
