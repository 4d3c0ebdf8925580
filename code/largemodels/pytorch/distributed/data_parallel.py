"""Data parallelism: the whole model everywhere, and a part of the batch for each.

The mean loss over a batch is the mean of the mean losses of equal parts, and so are
their gradients: every process computes those of its part, all take the average, and all
make the same update.
"""

import contextlib

import torch
import torch.distributed as dist

from largemodels.validation import whole_number

MEBIBYTE = 2**20


class DataParallel:
    """Averages the gradients of a model over the processes, bucket by bucket.

        parallel = DataParallel(model)         # all start from rank 0's parameters
        loss(model(part), labels).backward()   # buckets set out as they fill
        parallel.finish()                      # every p.grad is the average
        optimizer.step()

    model         an nn.Module, the same on all processes
    bucket_bytes  gradients travel together, in buckets of about so many bytes: one
                  message for many small tensors, and, where overlap, on its way while
                  backward computes the rest
    overlap       False: nothing is sent before `finish`
    group         None: all processes

    Gradients are averaged, not summed. That is the gradient of the whole batch where
    all parts are equally large; where they are not, multiply the loss by
    `share(rows)`. A parameter that a process has not used counts as zero there.

    Source: Li et al. 2020, "PyTorch Distributed", arXiv 2006.15704, section 3.2.
    Differs: torch's DistributedDataParallel, for use in earnest, finds unused
    parameters by itself only where it is asked to, and ends in backward.
    """

    def __init__(self, model, bucket_bytes=25 * MEBIBYTE, overlap=True, group=None):
        limit = whole_number("bucket_bytes", bucket_bytes, minimum=1)
        self.model, self.overlap, self.group = model, overlap, group
        self.world_size = dist.get_world_size(group)
        for x in (*model.parameters(), *model.buffers()):
            dist.broadcast(x.detach(), group=group, group_src=0)
        parameters = [p for p in model.parameters() if p.requires_grad]
        self.buckets = _buckets(parameters[::-1], limit)  # as backward reaches them
        self.waiting, self.on_the_way, self.active = None, [], True
        self._begin()
        for number, bucket in enumerate(self.buckets):
            for p in bucket:
                p.register_post_accumulate_grad_hook(self._hook(number))

    def finish(self):
        """Send what has not set out, wait for all, and put the averages in place."""
        while len(self.on_the_way) < len(self.buckets):
            self._send()
        for bucket, flat, work in self.on_the_way:
            work.wait()
            flat /= self.world_size  # gloo can sum and not average
            ends = torch.tensor([p.numel() for p in bucket]).cumsum(0)[:-1]
            for p, average in zip(bucket, flat.tensor_split(ends), strict=True):
                p.grad.copy_(average.view_as(p))
        self._begin()

    @contextlib.contextmanager
    def alone(self):
        """Gradients of the body are only added up: for all but the last of several."""
        self.active = False
        try:
            yield
        finally:
            self.active = True

    def share(self, rows):
        """What to multiply the mean loss of so many rows by, where parts differ.

        rows on this process times the number of processes / rows on all
        """
        total = torch.tensor(float(whole_number("rows", rows)), dtype=torch.float64)
        total = total.to(next(self.model.parameters()).device)
        dist.all_reduce(total, group=self.group)
        return rows * self.world_size / total.item()

    def _begin(self):
        self.waiting = [len(bucket) for bucket in self.buckets]
        self.on_the_way = []

    def _hook(self, number):
        def arrived(parameter):
            if not self.active:
                return
            self.waiting[number] -= 1
            # In order: all processes must send the same bucket at the same time.
            while self.overlap and self.waiting[len(self.on_the_way) :][:1] == [0]:
                self._send()

        return arrived

    def _send(self):
        """Let the next bucket set out."""
        bucket = self.buckets[len(self.on_the_way)]
        for p in bucket:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([p.grad.reshape(-1) for p in bucket])
        work = dist.all_reduce(flat, group=self.group, async_op=True)
        self.on_the_way.append((bucket, flat, work))


def _buckets(parameters, limit):
    """Parameters of one dtype and device, in order, in lists of about `limit` bytes."""
    buckets, size, kind = [], limit, None
    for p in parameters:
        if size >= limit or (p.dtype, p.device) != kind:
            buckets.append([])
            size, kind = 0, (p.dtype, p.device)
        buckets[-1].append(p)
        size += p.numel() * p.element_size()
    return buckets
