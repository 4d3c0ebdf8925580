"""FLOPs of each kind of layer, and of a whole training step.

A product of matrices (m, k) and (k, n) is m n k multiplications and as many additions:
2 m k n FLOPs. Only such products are counted. Biases, norms, activations and softmax
are linear in the activations, a share of about 1 / D.

Backward, each product is done twice more: once for the gradient of either factor.
"""

from itertools import pairwise

from largemodels.configs import MLPConfig, TransformerConfig
from largemodels.costs.compute import attention_score_flops, forward_flops_per_token
from largemodels.validation import one_of, truth, whole_number

# Matrices from the input, and as many from the state, in one cell.
GATES = {"plain": 1, "gru": 3, "lstm": 4}
RECOMPUTE = ("none", "selective", "full")


def linear_flops(rows: int, d_in: int, d_out: int) -> int:
    """Forward FLOPs of rows @ (d_in, d_out): 2 rows d_in d_out.

    rows: all leading axes together, say B T.
    """
    return 2 * _size("rows", rows) * _size("d_in", d_in) * _size("d_out", d_out)


def attention_flops(
    batch: int,
    heads: int,
    queries: int,
    keys: int,
    head_width: int,
    causal: bool = False,
) -> int:
    """Forward FLOPs of q k^T and of its product with v: 4 B A T S H.

    causal: count only the pairs that a query may see, T (T + 1) / 2 in place of T S,
    where queries and keys are the same T positions. A counter in a framework counts
    all pairs, and so does the usual formula of utilization; a kernel that skips masked
    blocks does about half.

    Fewer key heads than query heads change nothing: each query head has its own scores.
    """
    T, S = _size("queries", queries), _size("keys", keys)
    pairs = T * S
    if truth("causal", causal):
        if T != S:
            raise ValueError(
                f"causal counting needs as many keys as queries, got {T} and {S}"
            )
        pairs = T * (T + 1) // 2
    width = _size("heads", heads) * _size("head_width", head_width)
    return 4 * _size("batch", batch) * width * pairs


def convolution_flops(
    batch: int,
    c_in: int,
    c_out: int,
    kernel: tuple[int, ...],
    size_out: tuple[int, ...],
    groups: int = 1,
) -> int:
    """Forward FLOPs of a convolution: 2 B (places out) c_out (c_in / groups) (kernel).

    kernel, size_out: extent along each spatial axis, as (k_h, k_w) and (h_out, w_out).
    The output's size has stride, padding and dilation in it. Raises ValueError where
    groups do not divide the channels.
    """
    c_in, c_out = _size("c_in", c_in), _size("c_out", c_out)
    if c_in % _size("groups", groups) or c_out % groups:
        raise ValueError(
            f"groups must divide c_in and c_out, got {groups} for {c_in} and {c_out}"
        )
    if len(kernel) != len(size_out):
        raise ValueError(
            f"kernel and size_out must have equally many axes, got {kernel}, {size_out}"
        )
    flops = 2 * _size("batch", batch) * c_out * (c_in // groups)
    for extent in (*kernel, *size_out):
        flops *= _size("kernel and size_out", extent)
    return flops


def recurrent_flops(kind: str, batch: int, steps: int, d_in: int, d_hidden: int) -> int:
    """Forward FLOPs of a recurrent layer: 2 B T g d_hidden (d_in + d_hidden).

    kind: "plain" (g = 1), "gru" (g = 3) or "lstm" (g = 4), g matrices from the input
    and g from the state.
    """
    g = GATES[one_of("kind", kind, tuple(GATES))]
    width = g * _size("d_hidden", d_hidden)
    rows = _size("batch", batch) * _size("steps", steps)
    return linear_flops(rows, d_in, width) + linear_flops(rows, d_hidden, width)


def mlp_step_flops(
    config: MLPConfig, batch: int, *, input_gradient: bool = False
) -> int:
    """FLOPs of a training step of a multilayer perceptron, forward and backward.

    2 B N forward and 4 B N backward over the matrices' N, less the first layer's
    gradient for the data, 2 B d_in d_1, which nobody asks for unless input_gradient.
    """
    pairs = list(pairwise(config.widths))
    forward = sum(linear_flops(batch, d_in, d_out) for d_in, d_out in pairs)
    spared = 0 if truth("input_gradient", input_gradient) else 1
    return 3 * forward - spared * linear_flops(batch, *pairs[0])


def step_flops(
    config: TransformerConfig,
    batch: int,
    context: int | None = None,
    *,
    causal: bool = False,
    recompute: str = "none",
) -> float:
    """FLOPs of a training step of a Transformer, forward and backward.

    3 B T (2 N + 4 L A H S), N the matrices' parameters (`matrix_parameters`), S = T, or
    (T + 1) / 2 where causal; and what is computed again for the backward pass:

    context    tokens in a sequence (default: the config's)
    recompute  "none"
               "selective"  the scores of all blocks once more: 4 B T L A H S
               "full"       all blocks once more, without the output map

    With "none" these are the model FLOPs of `model_utilization`, otherwise the hardware
    FLOPs.

    Source: Narayanan et al. 2021, eq. 3 (full recomputation); Korthikanti et al. 2022,
    appendix A: with F = 4 D they are 72 B L s h^2 (1 + s / 6h + V / 12 h L).
    Differs: the hardware FLOPs that Korthikanti et al. report with selective
    recomputation follow from s / 3h in place of s / 6h, which counts 12 B L s^2 h for
    the scores that are computed again; the two products take 4 B L s^2 h.
    """
    one_of("recompute", recompute, RECOMPUTE)
    context = _size("context", config.context_length if context is None else context)
    tokens = _size("batch", batch) * context
    forward = forward_flops_per_token(config, context, causal)
    again = {
        "none": 0,
        "selective": attention_score_flops(config, context, causal),
        "full": forward - 2 * config.d_model * config.vocab_size,
    }
    return tokens * (3 * forward + again[recompute])


def _size(name, value):
    return whole_number(name, value, minimum=1)
