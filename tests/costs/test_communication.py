"""Rings and pipelines, against simulations that move the data and keep the clock."""

import numpy as np
import pytest
from largemodels.costs import collectives, pipelines

EXACT = {"rel": 1e-12, "abs": 0}  # a few roundings in float64


def ring_all_reduce(arrays):
    """Sums on a ring, in 2 (n - 1) steps: bytes that each device sent, and steps."""
    n = len(arrays)
    parts = [np.array_split(array.copy(), n) for array in arrays]
    sent, steps = np.zeros(n), 0
    for phase in (0, 1):
        for step in range(n - 1):
            which = [(rank - step + phase) % n for rank in range(n)]
            messages = [parts[rank][which[rank]].copy() for rank in range(n)]
            for rank, message in enumerate(messages):
                after = parts[(rank + 1) % n]
                if phase == 0:
                    after[which[rank]] += message
                else:
                    after[which[rank]] = message
                sent[rank] += message.nbytes
            steps += 1
    return [np.concatenate(p) for p in parts], sent, steps


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_an_all_reduce_on_a_ring(n):
    rng = np.random.default_rng(0)
    arrays = list(rng.integers(100, size=(n, 7 * n)).astype(np.float64))
    reduced, sent, steps = ring_all_reduce(arrays)
    for array in reduced:
        assert (array == sum(arrays)).all()
    size = arrays[0].nbytes
    assert set(sent) == {collectives.bytes_sent("all-reduce", size, n)}
    alpha, beta = 3e-6, 2e-9
    time = steps * (alpha + size / n * beta)
    assert collectives.ring_time("all-reduce", size, n, alpha, beta) == pytest.approx(
        time, **EXACT
    )


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("pieces", [1, 4])
def test_a_broadcast_through_a_chain(n, pieces):
    """Each device passes a piece on one step after it has it."""
    has = [pieces if rank == 0 else 0 for rank in range(n)]
    steps = 0
    while min(has) < pieces:
        moves = [rank for rank in range(n - 1) if has[rank] > has[rank + 1]]
        for rank in moves:
            has[rank + 1] += 1
        steps += 1
    expected = steps * (3e-6 + 1000 / pieces * 2e-9)
    time = collectives.ring_time("broadcast", 1000, n, 3e-6, 2e-9, pieces)
    assert time == pytest.approx(expected, **EXACT)


def test_an_all_reduce_is_two_halves():
    for n in (2, 7):
        arguments = (1000, n, 3e-6, 2e-9)
        halves = [
            collectives.ring_time(half, *arguments)
            for half in ("reduce-scatter", "all-gather")
        ]
        whole = collectives.ring_time("all-reduce", *arguments)
        assert whole == pytest.approx(sum(halves), **EXACT)


def test_the_factors_of_nccl_tests():
    """For 8 devices: 1.75 for an all-reduce, 7/8, and 1."""
    factors = [collectives.bandwidth_factor(c, 8) for c in collectives.COLLECTIVES]
    assert factors == [1.75, 0.875, 0.875, 1, 1, 0.875]
    # A link of 100 GB/s that is never idle shows as 100 GB/s, whatever the number.
    for name in ("all-reduce", "all-gather", "broadcast"):
        for n in (2, 8, 64):
            time = collectives.ring_time(name, 1e9, n, 0, 1e-11, pieces=10**9)
            shown = collectives.bus_bandwidth(name, 1e9, n, time)
            assert shown == pytest.approx(1e11, rel=1e-6, abs=0)


def test_one_device_has_nobody_to_talk_to():
    for name in ("all-reduce", "all-gather", "reduce-scatter"):
        assert collectives.bytes_sent(name, 100, 1) == 0
        assert collectives.ring_time(name, 100, 1, 1, 1) == 0


# Pipelines


def orders(schedule, p, m, v):
    """For each stage its tasks in order: (forward?, micro-batch, chunk)."""
    tasks = []
    for rank in range(p):
        numbered = [(k // (p * v) * p + k % p, k // p % v) for k in range(m * v)]
        if schedule != "interleaved":
            numbered = [(k, 0) for k in range(m)]
        ahead = {
            "gpipe": m,
            "1f1b": min(m, p - rank - 1),
            "interleaved": min(m * v, 2 * (p - rank - 1) + (v - 1) * p),
        }[schedule]
        forward = [(True, *task) for task in numbered]
        backward = [(False, mb, v - 1 - chunk) for mb, chunk in numbered]
        order = forward[:ahead]
        for pair in zip(forward[ahead:], backward, strict=False):
            order += pair
        tasks.append(order + backward[len(forward) - ahead :])
    return tasks


def needs(task, rank, p, v):
    """The task, and its stage, that must be done before this one."""
    forward, mb, chunk = task
    if forward:
        if rank > 0:
            return (True, mb, chunk), rank - 1
        return ((True, mb, chunk - 1), p - 1) if chunk > 0 else None
    if rank < p - 1:
        return (False, mb, chunk), rank + 1
    if chunk < v - 1:
        return (False, mb, chunk + 1), 0
    return (True, mb, chunk), rank


def simulate(schedule, p, m, v=1):
    """Time of a step (forward 1, backward 2), and most that the first stage keeps."""
    waiting = orders(schedule, p, m, v)
    done, clock, kept, most = {}, [0.0] * p, 0, 0
    while any(waiting):
        before = len(done)
        for rank in range(p):
            while waiting[rank]:
                task = waiting[rank][0]
                wanted = needs(task, rank, p, v)
                if wanted is not None and wanted not in done:
                    break
                ready = done.get(wanted, 0.0)
                clock[rank] = max(clock[rank], ready) + (1 if task[0] else 2) / v
                done[task, rank] = clock[rank]
                waiting[rank].pop(0)
                if rank == 0:
                    kept += 1 if task[0] else -1
                    most = max(most, kept)
        assert len(done) > before, "the schedule waits for itself"
    return max(clock), most / v


CASES = [
    ("gpipe", 4, 8, 1),
    ("1f1b", 4, 8, 1),
    ("1f1b", 8, 64, 1),
    ("interleaved", 4, 8, 2),
    ("interleaved", 8, 64, 3),
]


@pytest.mark.parametrize(("schedule", "p", "m", "v"), CASES)
def test_pipelines_wait_and_keep_as_the_formulas_say(schedule, p, m, v):
    time, kept = simulate(schedule, p, m, v)
    ideal = 3 * m
    waiting = pipelines.bubble_over_ideal(p, m, v)
    assert time == pytest.approx(ideal * (1 + waiting), **EXACT)
    assert pipelines.bubble_share(p, m, v) == pytest.approx(1 - ideal / time, **EXACT)
    expected = pipelines.kept_micro_batches(schedule, p, m, v)
    assert kept == pytest.approx(expected, **EXACT)


def test_bubbles_as_published():
    over = pipelines.bubble_over_ideal
    share = pipelines.bubble_share
    assert (round(over(8, 64), 4), round(share(8, 64), 4)) == (0.1094, 0.0986)
    assert (round(over(8, 64, 3), 4), round(share(8, 64, 3), 4)) == (0.0365, 0.0352)
    assert (over(4, 8), round(share(4, 8), 4)) == (0.375, 0.2727)
    assert over(1, 5) == share(1, 5) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: collectives.bytes_sent("gossip", 1, 2), "one of all-reduce"),
        (lambda: collectives.bytes_sent("broadcast", 0, 2), "size must be above 0"),
        (lambda: collectives.ring_time("all-to-all", 1, 2, 0, 0), "got 'all-to-all'"),
        (lambda: collectives.ring_time("reduce", 1, 2, -1, 0), "alpha must be"),
        (lambda: pipelines.bubble_share(0, 1), "stages must be at least 1"),
        (lambda: pipelines.kept_micro_batches("dual", 2, 2), "one of gpipe"),
        (lambda: pipelines.kept_micro_batches("interleaved", 4, 6, 2), "multiple of"),
    ],
)
def test_impossible_communication_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
