"""Settings of a run of pretraining: everything that decides its numbers, checked."""

import difflib
from dataclasses import asdict, dataclass, fields

from largemodels import schedules
from largemodels.configs import TransformerConfig
from largemodels.validation import one_of, real_number, whole_number

TOKENIZERS = ("bytes", "characters", "bpe")  # or the path of a tokenizer.json
OPTIMIZERS = {
    "gradient_descent": "GradientDescent",
    "momentum": "Momentum",
    "nesterov": "Nesterov",
    "adagrad": "AdaGrad",
    "rmsprop": "RMSProp",
    "adam": "Adam",
    "adamw": "AdamW",
    "lion": "Lion",
    "muon": "Muon",
}
SCHEDULES = ("constant", "linear", "cosine")
PRECISIONS = ("float64", "float32", "bfloat16")
PARALLEL = ("ddp", "fsdp", "tp")
_GATED = {"gated": True, "activation": "silu", "norm": "rms", "bias": False}
_LLAMA = _GATED | {"positions": "rope", "tied_embeddings": False}


def _shape(context_length, num_layers, d_model, num_heads, **others):
    sizes = {"context_length": context_length, "num_layers": num_layers}
    return sizes | {"d_model": d_model, "num_heads": num_heads} | others


# What a TransformerConfig takes, but for the vocabulary, which is the tokenizer's.
PRESETS = {
    "tiny": _shape(64, 4, 128, 4),
    "tiny-llama": _shape(64, 4, 128, 4, num_kv_heads=2, **_LLAMA),
    "small": _shape(256, 6, 384, 6),
    "small-llama": _shape(256, 6, 384, 6, num_kv_heads=2, **_LLAMA),
    "gpt2": _shape(1024, 12, 768, 12),
    "gpt2-medium": _shape(1024, 24, 1024, 16),
    "gpt2-large": _shape(1024, 36, 1280, 20),
    "gpt2-xl": _shape(1024, 48, 1600, 25),
    "llama-7b": _shape(2048, 32, 4096, 32, **_LLAMA),
}
MODEL_FIELDS = {f.name: f for f in fields(TransformerConfig) if f.name != "vocab_size"}


# What --help says of each.
HELP = {
    "data": "a text file, or a folder of them (UTF-8)",
    "out": "the folder of the run: checkpoints, tokenizer, log",
    "tokenizer": f"{', '.join(TOKENIZERS)}, or a tokenizer.json",
    "bpe_size": "tokens of a trained bpe, with the 256 bytes",
    "validation_share": "share of the tokens, at the end, held out",
    "preset": f"sizes of the model: {', '.join(PRESETS)}",
    "optimizer": ", ".join(OPTIMIZERS),
    "learning_rate": "the highest",
    "weight_decay": "of matrices; where the optimizer has one",
    "beta_1": "where the optimizer has one",
    "beta_2": "where the optimizer has one",
    "momentum": "where the optimizer has one",
    "schedule": ", ".join(SCHEDULES),
    "warmup": "updates in which the rate rises",
    "final_share": "of the rate, at the end",
    "max_norm": "clips all gradients together; none: no clip",
    "steps": "updates in all",
    "batch_size": "sequences an update, over all processes",
    "accumulate": "parts of a batch that a process computes in turn",
    "precision": ", ".join(PRECISIONS),
    "device": "cpu, cuda, mps; none: the first there is",
    "parallel": f"with several processes: {', '.join(PARALLEL)}",
    "seed": "of the first weights and of the order of the data",
    "evaluate_every": "updates between two evaluations",
    "evaluate_sequences": "held-out sequences, at most, in each",
    "checkpoint_every": "updates between two checkpoints",
    "keep": "checkpoints that stay",
    "join_timeout": "seconds in which all processes must have come",
    "timeout": "seconds that processes wait for one another",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run of pretraining is. Each field is a flag, and a key of a config file.

    `model` holds what the preset leaves open or what is to differ from it, by the names
    of TransformerConfig's fields. Raises ValueError or TypeError with the rule and the
    value where a setting is wrong.
    """

    data: str = ""
    out: str = ""
    tokenizer: str = "bytes"
    bpe_size: int = 1024
    validation_share: float = 0.1
    preset: str = "tiny"
    model: dict | None = None
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.95
    momentum: float = 0.9
    schedule: str = "cosine"
    warmup: int = 20
    final_share: float = 0.1
    max_norm: float | None = 1.0
    steps: int = 200
    batch_size: int = 16
    accumulate: int = 1
    precision: str = "float32"
    device: str | None = None
    parallel: str = "ddp"
    seed: int = 0
    evaluate_every: int = 50
    evaluate_sequences: int = 64
    checkpoint_every: int = 50
    keep: int = 2
    join_timeout: float = 60.0
    timeout: float = 1800.0

    def __post_init__(self):
        object.__setattr__(self, "model", dict(self.model or {}))
        for name in ("data", "out", "tokenizer", "preset"):
            _text(name, getattr(self, name))
        for name, rules in WHOLE.items():
            whole_number(name, getattr(self, name), **rules)
        for name, rules in REAL.items():
            if getattr(self, name) is not None or name != "max_norm":
                real_number(name, getattr(self, name), **rules)
        _known("preset", self.preset, PRESETS)
        _known("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("precision", self.precision, PRECISIONS)
        one_of("parallel", self.parallel, PARALLEL)
        for name in self.model:
            _known("a field of the model", name, MODEL_FIELDS)
        if self.batch_size % self.accumulate:
            raise ValueError(
                "batch_size must be a multiple of accumulate, got "
                f"{self.batch_size} and {self.accumulate}"
            )
        self.config(vocab_size=256)

    def config(self, vocab_size) -> TransformerConfig:
        """The model, with the vocabulary of the tokenizer."""
        chosen = PRESETS[self.preset] | self.model
        return TransformerConfig(**chosen, vocab_size=vocab_size)

    def rate(self) -> schedules.Schedule:
        """The learning rate as a function of the step."""
        high, low = self.learning_rate, self.learning_rate * self.final_share
        if self.schedule == "constant":
            shape = schedules.constant(high)
        else:
            shape = getattr(schedules, self.schedule)(high, self.steps, low)
        return schedules.warmup(shape, self.warmup)

    def flat(self) -> dict[str, object]:
        """All settings by name, the model's fields among them: what a file holds."""
        named = asdict(self)
        return named | named.pop("model")


_ONE = {"minimum": 1}
_POSITIVE = {"minimum": 0.0, "open_below": True}
_SHARE = {"minimum": 0.0, "maximum": 1.0, "open_above": True}
WHOLE = dict.fromkeys(
    (
        "steps",
        "batch_size",
        "accumulate",
        "evaluate_every",
        "evaluate_sequences",
        "checkpoint_every",
        "keep",
    ),
    _ONE,
) | {"warmup": {}, "seed": {}, "bpe_size": {"minimum": 257}}
REAL = {
    "validation_share": {"minimum": 0.0, "maximum": 0.9},
    "learning_rate": _POSITIVE,
    "weight_decay": {"minimum": 0.0},
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "momentum": _SHARE,
    "final_share": {"minimum": 0.0, "maximum": 1.0},
    "max_norm": _POSITIVE,
    "join_timeout": _POSITIVE,
    "timeout": _POSITIVE,
}


def from_flat(named) -> Settings:
    """Settings from names and values, the model's fields among them.

    Raises ValueError that names an unknown key and the nearest known one.
    """
    own = {f.name for f in fields(Settings)} - {"model"}
    model = {k: v for k, v in named.items() if k in MODEL_FIELDS}
    others = {k: v for k, v in named.items() if k not in MODEL_FIELDS}
    for key in others:
        if key not in own:
            raise ValueError(f"unknown setting {key!r}{nearest(key, known_names())}")
    return Settings(**others, model=model)


def known_names() -> list[str]:
    """The names of all settings, the model's fields among them."""
    return [f.name for f in fields(Settings) if f.name != "model"] + [*MODEL_FIELDS]


def nearest(word, known) -> str:
    """What to add to a complaint about an unknown word: what may have been meant."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.4)
    return f"; did you mean {found[0]!r}?" if found else ""


def _known(what, value, known):
    if value not in known:
        raise ValueError(
            f"{what} must be one of {', '.join(known)}; got {value!r}"
            f"{nearest(str(value), known)}"
        )


def _text(name, value):
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r}")
