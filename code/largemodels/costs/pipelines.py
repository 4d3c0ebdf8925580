"""Pipelines: how long stages wait for one another, and how much they keep meanwhile.

p stages, m micro-batches in a step, v chunks of layers on each stage where stages are
interleaved. Forward and backward of a micro-batch take a stage the time t; the step
would take m t without waiting, and takes (m + (p - 1) / v) t.
"""

from largemodels.validation import one_of, whole_number

SCHEDULES = ("gpipe", "1f1b", "interleaved")


def bubble_over_ideal(stages: int, micro_batches: int, chunks: int = 1) -> float:
    """Time of waiting over the time without it: (p - 1) / (v m).

    The same for GPipe and for one-forward-one-backward (1F1B), which differ in memory
    alone; chunks > 1 is the interleaved schedule.

    Source: Narayanan et al. 2021, section 2.2.
    """
    p, m, v = _pipeline(stages, micro_batches, chunks)
    return (p - 1) / (v * m)


def bubble_share(stages: int, micro_batches: int, chunks: int = 1) -> float:
    """Share of the whole time that a stage waits: (p - 1) / (v m + p - 1).

    Source: Huang et al. 2019 (GPipe), section 2.3, as O((p - 1) / (m + p - 1)).
    """
    p, m, v = _pipeline(stages, micro_batches, chunks)
    return (p - 1) / (v * m + p - 1)


def kept_micro_batches(
    schedule: str, stages: int, micro_batches: int, chunks: int = 1
) -> float:
    """The activations that the first stage keeps at most, in those of one micro-batch.

    gpipe        m: all forward passes come first
    1f1b         min(p, m): a backward pass as soon as there is one
    interleaved  p (1 + (p - 1) / (p v)) where m is at least p: the price of the smaller
                 bubble

    Each is multiplied with what a stage's layers keep for one micro-batch; L / p layers
    of p micro-batches are what L layers keep of one.

    Source: Narayanan et al. 2021, section 2.2; interleaved: Korthikanti et al. 2022,
    section 4.2.3.
    """
    one_of("schedule", schedule, SCHEDULES)
    p, m, v = _pipeline(stages, micro_batches, chunks)
    if schedule == "gpipe":
        return float(m)
    if schedule == "1f1b":
        return float(min(p, m))
    if m % p:
        raise ValueError(
            f"interleaving needs micro_batches to be a multiple of stages = {p}, "
            f"got {m}"
        )
    return min(p * (1 + (p - 1) / (p * v)), float(m))


def _pipeline(stages, micro_batches, chunks):
    return (
        whole_number("stages", stages, minimum=1),
        whole_number("micro_batches", micro_batches, minimum=1),
        whole_number("chunks", chunks, minimum=1),
    )
