"""Chunks of a stream: in order, each row going on where it ended."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from largemodels.data.streams import stream_chunks


@given(st.integers(2, 60), st.integers(1, 6), st.integers(1, 9), st.booleans())
def test_rows_go_on_where_they_ended(n, batch_size, chunk_length, drop_last):
    row_length = (n - 1) // batch_size
    assume(row_length >= (chunk_length if drop_last else 1))
    tokens = np.arange(100, 100 + n)
    pairs = stream_chunks(tokens, batch_size, chunk_length, drop_last=drop_last)
    inputs, targets = zip(*pairs, strict=True)
    lengths = {chunk.shape[1] for chunk in inputs[:-1]} | (
        {inputs[-1].shape[1]} if drop_last else set()
    )
    assert lengths <= {chunk_length}
    whole = np.concatenate(inputs, axis=1)
    used = row_length - row_length % chunk_length if drop_last else row_length
    assert whole.shape == (batch_size, used)
    starts = 100 + row_length * np.arange(batch_size)
    assert np.array_equal(whole, starts[:, None] + np.arange(used))
    assert np.array_equal(np.concatenate(targets, axis=1), whole + 1)


def test_chunks_are_copies_of_the_dtype():
    tokens = np.arange(9, dtype=np.uint8)
    inputs, _ = next(stream_chunks(tokens, 2, 4))
    assert inputs.dtype == np.uint8
    inputs[:] = 0
    assert tokens[3] == 3


@pytest.mark.parametrize(
    ("tokens", "arguments", "error", "message"),
    [
        (np.ones(9), (1, 1), TypeError, "tokens must be integers, got float64"),
        (np.ones((3, 3), int), (1, 1), ValueError, r"tokens must be \(n,\), got \(3"),
        (np.arange(9), (0, 1), ValueError, "batch_size must be at least 1, got 0"),
        (np.arange(9), (1, 0), ValueError, "chunk_length must be at least 1, got 0"),
        (np.arange(9), (2, 5), ValueError, "9 tokens in 2 rows make no chunk of 5"),
        (np.arange(0), (1, 1), ValueError, "0 tokens in 1 rows make no chunk"),
    ],
)
def test_what_is_refused(tokens, arguments, error, message):
    with pytest.raises(error, match=message):  # at the call, before the first chunk
        stream_chunks(tokens, *arguments)
