"""The config of decoder-only transformers: GPT-2, LLaMA and what lies between."""

from dataclasses import dataclass, replace

from largemodels.configs.perceptron import ACTIVATIONS, store
from largemodels.validation import one_of, real_number, truth, whole_number

NORMS = ("layer", "rms")
NORM_PLACES = ("pre", "post")
POSITIONS = ("learned", "sinusoidal", "rope", "relative", "none")

# LLaMA rounds the width of its gated feed-forward up to a multiple of this.
GATED_MULTIPLE = 256


@dataclass(frozen=True, kw_only=True)
class TransformerConfig:
    """A decoder-only transformer language model.

    Each of L blocks has attention and a feed-forward network, each with a residual
    connection and a norm. In the letters of the book: V = vocab_size, T =
    context_length, L = num_layers, D = d_model, A = num_heads, G = num_kv_heads,
    H = head_width, F = d_ff.

    Sizes
    vocab_size      number of tokens in the vocabulary (rows of the embedding)
    context_length  most positions in one sequence (tokens)
    num_layers      number of blocks
    d_model         width of the residual stream
    num_heads       query heads a block
    num_kv_heads    key and value heads a block, a divisor of num_heads; None: as many
                    as num_heads. 1 is multi-query attention (Shazeer 2019), between is
                    grouped-query attention (Ainslie et al. 2023)
    head_width      width of one head; None: d_model / num_heads, which must be whole
    d_ff            width inside the feed-forward network; None: 4 d_model, and where
                    gated 2/3 of that, rounded up to a multiple of 256 as in LLaMA

    Choices
    gated           False: W_2 act(W_1 x), two matrices. True: W_2 (act(W_1 x) * W_3 x),
                    three; with activation "silu" this is SwiGLU (Shazeer 2020)
    activation      one of ACTIVATIONS; where gated, the gate's
    norm            "layer": LayerNorm, a scale and (see norm_bias) a bias of d_model
                    each. "rms": RMSNorm, a scale of d_model
    norm_place      "pre": before attention and before the feed-forward network, and
                    one norm after the last block: 2 L + 1 norms. "post": after each
                    residual sum, none after the last block: 2 L norms
    norm_eps        the small number inside the norm's root (no unit)
    bias            whether linear maps of the blocks have biases. The output map to
                    the vocabulary never has one
    qkv_bias        biases of the query, key and value maps alone; None: as `bias`
    norm_bias       bias of a LayerNorm; None: as `bias`. RMSNorm has none
    tied_embeddings True: the output map is the embedding, transposed, and no
                    parameters of its own; False: a matrix (d_model, vocab_size)
    positions       how a token learns its place:
        "learned"     an embedding (context_length, d_model), added to the tokens'
        "sinusoidal"  the fixed sines of Vaswani et al. 2017, added; no parameters
        "rope"        rotated queries and keys (Su et al. 2021); no parameters;
                      head_width must be even
        "relative"    Transformer-XL (Dai et al. 2019, section 3.3), as in Gopher and
                      Chinchilla: every block has a matrix W_{k,R} (d_model,
                      num_kv_heads head_width) without bias, which makes keys of the
                      sinusoidal encoding of a distance, and two vectors u and v
                      (num_heads head_width each), added to the queries: u where they
                      meet keys of tokens, v where they meet keys of distances
        "none"        nothing; the causal mask alone tells places apart
    rope_base       base of the rotation's wavelengths (10000 in Su et al., 500000 in
                    Llama 3); read only where positions="rope"

    What is None stays None in the fields, so that `dataclasses.replace` derives it
    anew; `config.filled` is the same model with every None replaced by its value, and
    what computes reads that. Raises ValueError or TypeError with the rule and the
    value where the parts do not fit.
    """

    vocab_size: int
    context_length: int
    num_layers: int
    d_model: int
    num_heads: int
    num_kv_heads: int | None = None
    head_width: int | None = None
    d_ff: int | None = None
    gated: bool = False
    norm: str = "layer"
    norm_place: str = "pre"
    norm_eps: float = 1e-5
    bias: bool = True
    qkv_bias: bool | None = None
    norm_bias: bool | None = None
    positions: str = "learned"
    rope_base: float = 10000.0
    tied_embeddings: bool = True
    activation: str = "gelu"

    def __post_init__(self):
        for name in SIZES:
            value = getattr(self, name)
            if value is None and name in OPTIONAL_SIZES:
                continue
            store(self, name, whole_number(name, value, minimum=1))
        for name in ("norm_eps", "rope_base"):
            value = getattr(self, name)
            store(self, name, real_number(name, value, 0.0, open_below=True))
        for name in ("gated", "bias", "tied_embeddings"):
            truth(name, getattr(self, name))
        for name in ("qkv_bias", "norm_bias"):
            if getattr(self, name) is not None:
                truth(name, getattr(self, name))
        one_of("norm", self.norm, NORMS)
        one_of("norm_place", self.norm_place, NORM_PLACES)
        one_of("positions", self.positions, POSITIONS)
        one_of("activation", self.activation, ACTIVATIONS)
        self._check_heads()
        if self.norm == "rms" and self.norm_bias:
            raise ValueError(
                "norm_bias=True needs norm='layer': RMSNorm has no bias; got norm='rms'"
            )

    def _check_heads(self):
        if self.head_width is None and self.d_model % self.num_heads:
            raise ValueError(
                "d_model must be a multiple of num_heads where head_width is not given,"
                f" got d_model={self.d_model}, num_heads={self.num_heads}"
            )
        filled = self.filled
        if self.num_heads % filled.num_kv_heads:
            raise ValueError(
                "num_heads must be a multiple of num_kv_heads, got "
                f"num_heads={self.num_heads}, num_kv_heads={filled.num_kv_heads}"
            )
        if self.positions == "rope" and filled.head_width % 2:
            raise ValueError(
                "positions='rope' turns pairs of numbers and needs an even head_width, "
                f"got {filled.head_width}"
            )

    @property
    def filled(self) -> "TransformerConfig":
        """The same model with no None in it: every derived size and choice written."""
        derived = {
            "num_kv_heads": self.num_heads,
            "head_width": self.d_model // self.num_heads,
            "d_ff": _gated_width(self.d_model) if self.gated else 4 * self.d_model,
            "qkv_bias": self.bias,
            "norm_bias": self.bias and self.norm == "layer",
        }
        missing = {
            name: value
            for name, value in derived.items()
            if getattr(self, name) is None
        }
        return replace(self, **missing) if missing else self

    @property
    def query_width(self) -> int:
        """Width of all query heads together, A H (equal to d_model in most models)."""
        return self.num_heads * self.filled.head_width

    @property
    def key_value_width(self) -> int:
        """Width of all key heads together, G H; that of the value heads is the same."""
        return self.filled.num_kv_heads * self.filled.head_width


SIZES = (
    "vocab_size",
    "context_length",
    "num_layers",
    "d_model",
    "num_heads",
    "num_kv_heads",
    "head_width",
    "d_ff",
)
OPTIONAL_SIZES = ("num_kv_heads", "head_width", "d_ff")


def _gated_width(d_model: int) -> int:
    """LLaMA's width of a gated feed-forward network: 8/3 d_model, rounded up.

    A gated network has three matrices and not two; 2/3 of 4 d_model keeps the number of
    parameters (Shazeer 2020, section 2; Touvron et al. 2023, section 2.2).
    """
    width = 2 * (4 * d_model) // 3
    return GATED_MULTIPLE * -(-width // GATED_MULTIPLE)
