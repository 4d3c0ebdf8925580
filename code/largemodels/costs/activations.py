"""Bytes of activations: what the forward pass keeps for the backward pass."""

from largemodels.configs import MLPConfig, TransformerConfig
from largemodels.validation import one_of, real_number, truth, whole_number

# Activations whose derivative follows from their output, which the next layer keeps
# anyway; the others keep their input too.
BY_OUTPUT = ("relu", "sigmoid", "tanh")
RECOMPUTE = ("none", "selective", "full")

# Bytes a token and unit of width (s b h) that a block keeps in 16 bits, with dropout's
# masks in one byte: (whether tensor parallelism divides it, what, bytes).
# Source: Korthikanti et al. 2022, section 4.1.
BLOCK = (
    (False, "inputs of the two norms", 4),
    (False, "input of query, key and value maps", 2),
    (True, "queries and keys", 4),
    (True, "values", 2),
    (True, "input of the output map", 2),
    (False, "mask of the dropout after attention", 1),
    (False, "input of the first feed-forward map", 2),
    (True, "input of the activation, 4 h wide", 8),
    (True, "input of the second feed-forward map, 4 h wide", 8),
    (False, "mask of the dropout after the feed-forward network", 1),
)
# Bytes a head and pair of positions (a s^2 b): softmax's output, the mask of its
# dropout, and what remains after it.
SCORES = 2 + 1 + 2


def block_bytes(
    sequence: int,
    batch: int,
    d_model: int,
    num_heads: int,
    *,
    tensor_parallel: int = 1,
    sequence_parallel: bool = False,
    recompute: str = "none",
) -> float:
    """Bytes that one Transformer block keeps on one device, in 16 bits.

    none              s b h (34 + 5 a s / h)
    tensor parallel   s b h (10 + 24 / t + 5 a s / (h t))
    and sequence      s b h / t (34 + 5 a s / h)
    selective         the same without 5 a s / h: the scores are computed again
    full              2 s b h: the block's input alone, whole on every device

    sequence s, batch b (sequences in a micro-batch), d_model h, num_heads a,
    tensor_parallel t, which must divide num_heads. The block has F = 4 h, biases,
    dropout, and attention that is not fused; a fused kernel keeps what "selective"
    does.

    Source: Korthikanti et al. 2022, table 2.
    """
    one_of("recompute", recompute, RECOMPUTE)
    truth("sequence_parallel", sequence_parallel)
    s, b = _size("sequence", sequence), _size("batch", batch)
    h, a = _size("d_model", d_model), _size("num_heads", num_heads)
    t = _size("tensor_parallel", tensor_parallel)
    if a % t:
        raise ValueError(f"tensor_parallel must divide num_heads = {a}, got {t}")
    if recompute == "full":
        return 2.0 * s * b * h
    kept = 0.0
    for divided, _, each in BLOCK:
        kept += s * b * h * each / (t if divided or sequence_parallel else 1)
    scores = 0 if recompute == "selective" else SCORES
    return kept + a * s * s * b * scores / t


def stack_bytes(
    config: TransformerConfig,
    batch: int,
    context: int | None = None,
    **parallel,
) -> float:
    """Bytes that all blocks of a model keep: L times `block_bytes`.

    Embedding, last norm and output map are left out; with the logits in 32 bits they
    are s b h (1 + 4 / t (1 + V / h)) bytes more (Korthikanti et al. 2022, section 4.3).
    Raises ValueError for a model whose blocks are not the paper's: F other than 4 D,
    fewer key heads than query heads, A H other than D, or a gate.
    """
    c = config.filled
    usual = (
        c.d_ff == 4 * c.d_model
        and c.query_width == c.key_value_width == c.d_model
        and not c.gated
    )
    if not usual:
        raise ValueError(
            "the count needs F = 4 D, A H = G H = D and no gate, got "
            f"F={c.d_ff}, D={c.d_model}, A H={c.query_width}, G H={c.key_value_width}, "
            f"gated={c.gated}"
        )
    s = c.context_length if context is None else context
    return c.num_layers * block_bytes(s, batch, c.d_model, c.num_heads, **parallel)


def mlp_bytes(config: MLPConfig, batch: int, bytes_each: float = 4) -> float:
    """Bytes that a multilayer perceptron keeps, without weights and loss.

    B (d_in + sum of hidden widths): the input of every linear map, for the gradient of
    its matrix. ReLU, sigmoid and tanh need their output, which is the next map's input;
    GELU, SiLU and softplus need their input as well: the hidden widths count twice.
    """
    copies = 1 if config.activation in BY_OUTPUT else 2
    each = real_number("bytes_each", bytes_each, 0.0, open_below=True)
    return _size("batch", batch) * (config.d_in + copies * sum(config.hidden)) * each


def _size(name, value):
    return whole_number(name, value, minimum=1)
