"""The multilayer perceptron's config, and what all configs share."""

from dataclasses import dataclass

from largemodels.validation import one_of, truth, whole_number

# The activations that every wing has under these names (functional.ACTIVATIONS).
ACTIVATIONS = ("relu", "sigmoid", "tanh", "softplus", "gelu", "silu")


def store(config, name: str, value) -> None:
    """Store a normalized field in a frozen dataclass, while it is being made."""
    object.__setattr__(config, name, value)


@dataclass(frozen=True, kw_only=True)
class MLPConfig:
    """A multilayer perceptron: linear maps with an activation between them.

    h_0 = x;   h_i = activation(h_{i-1} W_i + b_i);   logits = h_{last} W + b

    d_in         number of input features
    hidden       widths of the hidden layers, first to last; () is a linear model
    num_classes  number of outputs (logits, without softmax)
    activation   one of ACTIVATIONS, after every layer but the last
    bias         whether the linear maps have biases

    `hidden` may be given as any sequence of integers and is kept as a tuple. Raises
    ValueError or TypeError where a size is below 1 or a name is unknown.
    """

    d_in: int
    hidden: tuple[int, ...]
    num_classes: int
    activation: str = "relu"
    bias: bool = True

    def __post_init__(self):
        if isinstance(self.hidden, str) or not hasattr(self.hidden, "__iter__"):
            raise TypeError(f"hidden must be a tuple of widths, got {self.hidden!r}")
        hidden = tuple(
            whole_number(f"hidden[{i}]", width, minimum=1)
            for i, width in enumerate(self.hidden)
        )
        store(self, "d_in", whole_number("d_in", self.d_in, minimum=1))
        store(self, "hidden", hidden)
        store(
            self,
            "num_classes",
            whole_number("num_classes", self.num_classes, minimum=1),
        )
        one_of("activation", self.activation, ACTIVATIONS)
        truth("bias", self.bias)

    @property
    def widths(self) -> tuple[int, ...]:
        """All widths from input to output: (d_in, *hidden, num_classes)."""
        return (self.d_in, *self.hidden, self.num_classes)
