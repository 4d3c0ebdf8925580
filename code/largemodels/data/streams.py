"""A long stream of tokens in chunks that follow one another, for carried states."""

from collections.abc import Iterator

import numpy as np

from largemodels.validation import truth, whole_number


def stream_chunks(
    tokens, batch_size: int, chunk_length: int, *, drop_last: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut a stream into parallel rows, and these into chunks in their order.

    The stream is cut into `batch_size` rows of equal length, one below the other, and
    what is left over at its end is not used. Chunk k holds positions k chunk_length to
    (k + 1) chunk_length - 1 of every row: each row of a chunk goes on where that row
    ended in the chunk before, so that the state after one is the state before the next.

    tokens        (n,) integers, n at least 2 batch_size
    batch_size    rows, read side by side
    chunk_length  steps a chunk: as far as truncated backpropagation through time goes
    drop_last     True: a shorter last chunk is left out, False: it comes

    Returns an iterator of pairs (inputs, targets), each (batch_size, chunk_length) of
    the dtype of tokens; the target is the token after the input. Raises ValueError or
    TypeError at the call where an argument breaks its rule, or nothing would come.

    Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line
    training of recurrent network trajectories", Neural Computation 2(4), for the
    truncation that this serves.
    """
    tokens = np.asarray(tokens)
    batch_size = whole_number("batch_size", batch_size, minimum=1)
    chunk_length = whole_number("chunk_length", chunk_length, minimum=1)
    truth("drop_last", drop_last)
    if tokens.dtype.kind not in "iu":
        raise TypeError(f"tokens must be integers, got {tokens.dtype}")
    if tokens.ndim != 1:
        raise ValueError(f"tokens must be (n,), got {tokens.shape}")
    row_length = (len(tokens) - 1) // batch_size
    if row_length < (chunk_length if drop_last else 1):
        raise ValueError(
            f"{len(tokens)} tokens in {batch_size} rows make no chunk of {chunk_length}"
        )
    return _chunks(tokens, batch_size, row_length, chunk_length, drop_last)


def _chunks(tokens, batch_size, row_length, chunk_length, drop_last):
    used = batch_size * row_length
    inputs = tokens[:used].reshape(batch_size, row_length)
    targets = tokens[1 : used + 1].reshape(batch_size, row_length)
    end = row_length - row_length % chunk_length if drop_last else row_length
    for start in range(0, end, chunk_length):
        chunk = slice(start, min(start + chunk_length, end))
        yield inputs[:, chunk].copy(), targets[:, chunk].copy()
