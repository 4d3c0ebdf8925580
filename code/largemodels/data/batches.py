"""Which examples form which batch: index arrays, the same for all wings."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from largemodels.validation import truth, whole_number


def batches(
    num_examples: int,
    batch_size: int,
    *,
    seed: int | None = None,
    steps: int | None = None,
    epochs: int | None = None,
    start_step: int = 0,
    shuffle: bool = True,
    drop_last: bool = True,
) -> Iterator[np.ndarray]:
    """Index arrays of mini-batches, drawn without replacement epoch by epoch.

    Each epoch is a fresh permutation of 0 .. num_examples - 1 from one generator,
    `np.random.default_rng(seed)`, cut into batches of `batch_size` in order.

    num_examples  how many examples there are
    batch_size    examples a batch; num_examples gives full batches
    seed          seed of the permutations; needed where `shuffle`
    steps, epochs where to stop: exactly one of the two. `steps` counts batches, over
                  as many epochs as that takes, and counts from step 0
    start_step    leaves out the first so many batches, the rest is as it would have
                  been: how a run goes on where it stopped
    shuffle       False: the order 0 .. num_examples - 1 in every epoch
    drop_last     True: what is left at the end of an epoch and fills no batch is left
                  out, other examples in each epoch; all batches have one size, as a
                  compiled training step likes it. False: it comes as a smaller batch

    Returns an iterator of int64 arrays (batch_size,); like every iterator it can be
    gone through once. Raises ValueError or TypeError at the call, not at the first
    batch.

    Differs: Bottou's and most theorems' stochastic gradient draws with replacement,
    every example independent of the ones before; epochs without replacement are what
    programs do.
    """
    num_examples = whole_number("num_examples", num_examples, minimum=1)
    batch_size = whole_number("batch_size", batch_size, minimum=1)
    start_step = whole_number("start_step", start_step)
    truth("shuffle", shuffle)
    truth("drop_last", drop_last)
    if batch_size > num_examples:
        raise ValueError(
            f"batch_size must be at most num_examples = {num_examples}, "
            f"got {batch_size}"
        )
    if shuffle and seed is None:
        raise ValueError("shuffle=True needs a seed, got seed=None")
    if seed is not None:
        seed = whole_number("seed", seed)
    if (steps is None) == (epochs is None):
        raise ValueError(
            f"exactly one of steps and epochs must be given, got steps={steps} "
            f"and epochs={epochs}"
        )
    if steps is None:
        an_epoch = batches_per_epoch(num_examples, batch_size, drop_last=drop_last)
        steps = whole_number("epochs", epochs) * an_epoch
    steps = whole_number("steps", steps)
    endless = _epochs(num_examples, batch_size, seed, shuffle, drop_last)
    start = min(start_step, steps)
    return _Counted(islice(endless, start, steps), steps - start)


def batches_per_epoch(
    num_examples: int, batch_size: int, *, drop_last: bool = True
) -> int:
    """How many batches one pass over the examples gives.

    floor(num_examples / batch_size), or the ceiling where `drop_last` is False.
    """
    num_examples = whole_number("num_examples", num_examples, minimum=1)
    batch_size = whole_number("batch_size", batch_size, minimum=1)
    whole, left = divmod(num_examples, batch_size)
    return whole if drop_last or not left else whole + 1


class _Counted:
    """An iterator that knows how many are left (operator.length_hint)."""

    def __init__(self, iterator, left):
        self.iterator, self.left = iterator, left

    def __iter__(self):
        return self

    def __next__(self):
        value = next(self.iterator)
        self.left -= 1
        return value

    def __length_hint__(self):
        return self.left


def _epochs(num_examples, batch_size, seed, shuffle, drop_last):
    """All batches of all epochs, without end."""
    rng = np.random.default_rng(seed)
    end = num_examples - num_examples % batch_size if drop_last else num_examples
    while True:
        order = rng.permutation(num_examples) if shuffle else np.arange(num_examples)
        for start in range(0, end, batch_size):
            yield order[start : start + batch_size].astype(np.int64)
