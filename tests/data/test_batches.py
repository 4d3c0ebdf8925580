"""Batches: every example once an epoch, the same for everyone, from any step on."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from largemodels.data.batches import batches, batches_per_epoch

sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
seeds = st.integers(0, 2**32)


@given(sizes, seeds, st.integers(0, 4), st.booleans())
def test_an_epoch_has_every_example_once(size, seed, epochs, shuffle):
    n, batch = size
    found = list(
        batches(n, batch, seed=seed, epochs=epochs, shuffle=shuffle, drop_last=False)
    )
    assert len(found) == epochs * batches_per_epoch(n, batch, drop_last=False)
    per_epoch = len(found) // epochs if epochs else 0
    for epoch in range(epochs):
        ours = found[epoch * per_epoch : (epoch + 1) * per_epoch]
        assert sorted(np.concatenate(ours).tolist()) == list(range(n))
        assert {len(indices) for indices in ours[:-1]} <= {batch}
        assert len(ours[-1]) == (n % batch or batch)


@given(sizes, seeds, st.integers(0, 4))
def test_dropping_the_last_leaves_whole_batches_without_repetition(size, seed, epochs):
    n, batch = size
    found = list(batches(n, batch, seed=seed, epochs=epochs))
    assert len(found) == epochs * (n // batch) == epochs * batches_per_epoch(n, batch)
    for epoch in range(epochs):
        ours = np.concatenate(found[epoch * (n // batch) : (epoch + 1) * (n // batch)])
        assert len(set(ours.tolist())) == len(ours) == n - n % batch


@given(sizes, seeds, st.integers(0, 30), st.integers(0, 30), st.booleans())
def test_a_run_goes_on_where_it_stopped(size, seed, steps, start, drop_last):
    n, batch = size
    common = {"seed": seed, "steps": steps, "drop_last": drop_last}
    whole = list(batches(n, batch, **common))
    rest = list(batches(n, batch, **common, start_step=start))
    assert len(whole) == steps
    assert len(rest) == max(steps - start, 0)
    assert all(map(np.array_equal, whole[start:], rest))


def test_the_bytes_are_fixed():
    # PCG64's permutation has not changed since NumPy 1.17; these are its numbers.
    found = list(batches(7, 3, seed=0, epochs=2, drop_last=False))
    assert [indices.tolist() for indices in found] == [
        [2, 4, 3],
        [6, 5, 0],
        [1],
        [5, 2, 4],
        [6, 1, 0],
        [3],
    ]
    assert all(indices.dtype == np.int64 for indices in found)


def test_epochs_and_seeds_differ():
    first, second = batches(1000, 1000, seed=0, epochs=2)
    other = next(batches(1000, 1000, seed=1, epochs=1))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_without_shuffling_the_order_is_that_of_the_examples():
    found = batches(5, 2, shuffle=False, epochs=1, drop_last=False)
    assert [indices.tolist() for indices in found] == [[0, 1], [2, 3], [4]]


def test_a_batch_is_no_view_of_the_next_ones():
    stream = batches(6, 2, seed=0, epochs=1)
    kept = next(stream)
    before = kept.copy()
    for indices in stream:
        indices[:] = -1
    assert np.array_equal(kept, before)
    assert kept.base is None


def test_steps_may_be_many():
    far = islice(batches(3, 2, seed=0, steps=10**12), 5)
    assert sum(len(indices) for indices in far) == 10


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_examples": 0}, ValueError, "num_examples must be at least 1, got 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"batch_size": 11}, ValueError, "at most num_examples = 10, got 11"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an integer, got 2.0"),
        ({"seed": None}, ValueError, "shuffle=True needs a seed"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"steps": 3}, ValueError, "exactly one of .*steps=3 and epochs=1"),
        ({"epochs": None}, ValueError, "steps=None and epochs=None"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0, got -1"),
        ({"epochs": 0.5}, TypeError, "epochs must be an integer"),
        ({"start_step": -1}, ValueError, "start_step must be at least 0"),
        ({"shuffle": 0}, TypeError, "shuffle must be True or False"),
        ({"drop_last": None}, TypeError, "drop_last must be True or False"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(arguments, error, message):
    given = {"num_examples": 10, "batch_size": 2, "seed": 0, "epochs": 1} | arguments
    with pytest.raises(error, match=message):
        batches(given.pop("num_examples"), given.pop("batch_size"), **given)
