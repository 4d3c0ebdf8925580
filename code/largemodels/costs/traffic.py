"""Bytes that an operation moves between memory and processor, each array once.

A lower bound: what is read twice, because caches are small, counts once. Divided into
the FLOPs it gives the arithmetic intensity that `roofline` asks for.
"""

from largemodels.validation import real_number, truth, whole_number


def linear_bytes(rows: int, d_in: int, d_out: int, bytes_each: float = 2) -> float:
    """Bytes of x W: read (rows, d_in) and (d_in, d_out), write (rows, d_out)."""
    rows, d_in, d_out = _sizes(rows=rows, d_in=d_in, d_out=d_out)
    return _each(bytes_each) * (rows * d_in + d_in * d_out + rows * d_out)


def elementwise_bytes(
    elements: int, inputs: int = 1, outputs: int = 1, bytes_each: float = 2
) -> float:
    """Bytes of an operation on each element: inputs are read, outputs written.

    An addition of two arrays has inputs=2. Two operations done one after the other move
    the array between them twice; one that does both moves it not at all, which is what
    fusing saves.
    """
    elements, inputs, outputs = _sizes(
        elements=elements, inputs=inputs, outputs=outputs
    )
    return _each(bytes_each) * elements * (inputs + outputs)


def attention_bytes(
    batch: int,
    heads: int,
    queries: int,
    keys: int,
    head_width: int,
    *,
    key_value_heads: int | None = None,
    fused: bool = False,
    bytes_each: float = 2,
) -> float:
    """Bytes of attention, forward: q, k, v are read and the output is written.

    Not fused, the scores (B, A, T, S) are written and read, and after softmax the
    probabilities once more: 4 B A T S. A fused kernel keeps them on the chip.

    key_value_heads: G (default: as many as heads).

    Source: Dao et al. 2022 (FlashAttention), section 2.2, for the unfused order.
    """
    groups = heads if key_value_heads is None else key_value_heads
    B, A, G, T, S, H = _sizes(
        batch=batch,
        heads=heads,
        key_value_heads=groups,
        queries=queries,
        keys=keys,
        head_width=head_width,
    )
    numbers = 2 * B * A * T * H + 2 * B * G * S * H
    if not truth("fused", fused):
        numbers += 4 * B * A * T * S
    return _each(bytes_each) * numbers


def update_bytes(parameters: int, states: int = 2, bytes_each: float = 4) -> float:
    """Bytes of an optimizer's update: weights, gradient and states read, and written.

    (2 + 2 states + 1) numbers a parameter: weights and states are read and written,
    the gradient is read. states: 0 for SGD, 1 with momentum, 2 for Adam (28 bytes a
    parameter in float32).
    """
    (parameters,) = _sizes(parameters=parameters)
    states = whole_number("states", states)
    return _each(bytes_each) * parameters * (2 * (1 + states) + 1)


def _sizes(**sizes):
    return [whole_number(name, value, minimum=1) for name, value in sizes.items()]


def _each(bytes_each):
    return real_number("bytes_each", bytes_each, 0.0, open_below=True)
