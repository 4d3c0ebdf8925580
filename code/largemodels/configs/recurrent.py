"""The config of recurrent networks: plain, LSTM and GRU."""

from dataclasses import dataclass

from largemodels.configs.perceptron import store
from largemodels.validation import one_of, real_number, truth, whole_number

CELLS = ("rnn", "lstm", "gru")
CELL_ACTIVATIONS = ("tanh", "relu")  # of the plain cell
READOUTS = ("every", "last")
# How many blocks of width d_hidden a cell's matrices have, side by side.
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
# The parameters of one layer in one direction; the biases may be None.
CELL_PARAMETERS = ("input_weight", "recurrent_weight", "bias", "candidate_bias")


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig:
    """A recurrent network: an embedding or none, stacked layers, and a linear output.

    Sizes
    num_classes    number of outputs, at every step or for the sequence (logits, or the
                   numbers of a regression); vocab_size in a language model
    d_hidden       width of the state of one layer in one direction
    d_in           features of one step of the input, or None
    vocab_size     number of tokens, where the input is integers, or None. Exactly one
                   of d_in and vocab_size is given
    d_embedding    width of the embedding of a token; None: as d_hidden. Only with
                   vocab_size
    num_layers     layers; each reads the outputs of the one below

    Choices
    cell           "rnn": plain (Elman 1990); "lstm": long short-term memory (Hochreiter
                   and Schmidhuber 1997, with the forget gate of Gers et al. 2000);
                   "gru": gated recurrent unit (Cho et al. 2014), with the reset gate
                   after the product
    activation     of the plain cell, "tanh" or "relu"; the gated cells have tanh
    bidirectional  whether every layer reads in both directions; its outputs are then
                   the two beside one another, 2 d_hidden wide
    readout        "every": the output map reads every step: a language model, a tagger.
                   "last": it reads the last state of the top layer, in each direction
                   at its own end: a classifier of sequences
    bias           whether cells and output map have biases
    forget_bias    where the bias of the forget gate starts; read only where
                   cell="lstm" and bias

    Raises ValueError or TypeError with the rule and the value where the parts do not
    fit.

    Source: for forget_bias=1, Gers et al. 2000, "Learning to forget", and Jozefowicz et
    al. 2015, "An empirical exploration of recurrent network architectures".
    """

    num_classes: int
    d_hidden: int
    d_in: int | None = None
    vocab_size: int | None = None
    d_embedding: int | None = None
    num_layers: int = 1
    cell: str = "lstm"
    activation: str = "tanh"
    bidirectional: bool = False
    readout: str = "every"
    bias: bool = True
    forget_bias: float = 1.0

    def __post_init__(self):
        for name in ("num_classes", "d_hidden", "num_layers"):
            store(self, name, whole_number(name, getattr(self, name), minimum=1))
        for name in ("d_in", "vocab_size", "d_embedding"):
            if (value := getattr(self, name)) is not None:
                store(self, name, whole_number(name, value, minimum=1))
        one_of("cell", self.cell, CELLS)
        one_of("activation", self.activation, CELL_ACTIVATIONS)
        one_of("readout", self.readout, READOUTS)
        truth("bidirectional", self.bidirectional)
        truth("bias", self.bias)
        store(self, "forget_bias", real_number("forget_bias", self.forget_bias))
        self._check_together()

    def _check_together(self):
        if (self.d_in is None) == (self.vocab_size is None):
            raise ValueError(
                "exactly one of d_in and vocab_size must be given, got "
                f"d_in={self.d_in} and vocab_size={self.vocab_size}"
            )
        if self.d_embedding is not None and self.vocab_size is None:
            raise ValueError(
                f"d_embedding={self.d_embedding} needs a vocab_size, got None"
            )
        if self.activation != "tanh" and self.cell != "rnn":
            raise ValueError(
                f"activation must be tanh where cell={self.cell!r}, "
                f"got {self.activation!r}"
            )

    @property
    def step_width(self) -> int:
        """Width of what the lowest layer reads at one step."""
        return self.d_in or self.d_embedding or self.d_hidden

    @property
    def output_width(self) -> int:
        """Width of what a layer hands up: d_hidden, or twice that in two directions."""
        return self.d_hidden * (2 if self.bidirectional else 1)

    @property
    def directions(self) -> tuple[str, ...]:
        """Where the layers of each direction stand: ("forward_layers", ...)."""
        both = ("forward_layers", "backward_layers")
        return both if self.bidirectional else both[:1]

    @property
    def state_parts(self) -> int:
        """How many tensors the state of one layer is: h, or h and c of an LSTM."""
        return 2 if self.cell == "lstm" else 1
