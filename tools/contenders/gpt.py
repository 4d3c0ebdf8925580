"""A training step of a small GPT: forward, backward, clipped to norm 1, AdamW."""

from functools import partial

import numpy as np
from largemodels.configs import TransformerConfig
from largemodels.parameters import huggingface, initial_parameters

from tools.contenders.gpt_autograd import hips_autograd
from tools.contenders.steps import keras_step, torch_step, wing_step
from tools.contenders.timing import Group, Row

MAX_NORM = 1.0
# A high rate, so that the first steps show where two contenders part.
ADAMW = {"learning_rate": 3e-3, "beta_1": 0.9, "beta_2": 0.95, "eps": 1e-8}
ADAMW |= {"weight_decay": 0.1}
SIZES = (
    TransformerConfig(
        vocab_size=65, context_length=64, num_layers=4, d_model=128, num_heads=4
    ),
    12,
)


def contenders(sizes):
    """The wings, two models of PyTorch, and HIPS autograd.

    sizes: (config, sequences in the batch); each is as long as the context
    """
    config, batch = sizes
    rng = np.random.default_rng(0)
    x, y = rng.integers(config.vocab_size, size=(2, batch, config.context_length))
    given = config, x, y
    found = {
        "PyTorch wing": partial(pytorch_wing, *given),
        "nn.TransformerEncoderLayer": partial(plain_torch, *given),
        "transformers GPT-2": partial(hugging_face, *given),
        "NumPy wing": partial(numpy_wing, *given),
        "HIPS autograd": partial(hips_autograd, *given, ADAMW, MAX_NORM),
    }
    for mode in ("eager", "graph", "XLA"):
        found[f"TensorFlow wing, {mode}"] = partial(tf_wing, *given, mode)
    return found


def numpy_wing(config, x, y):
    """A step of largemodels.scratch."""
    from largemodels.scratch import optimizers, training, transformer

    model = transformer.Transformer(config)
    optimizer = optimizers.AdamW(model.parameters(), **ADAMW)
    return wing_step(training, model, optimizer, x, y, max_norm=MAX_NORM)


def pytorch_wing(config, x, y):
    """A step of largemodels.pytorch."""
    from largemodels.pytorch import optimizers, training, transformer

    model = transformer.Transformer(config)
    optimizer = optimizers.AdamW(model.parameters(), **ADAMW)
    return wing_step(training, model, optimizer, x, y, max_norm=MAX_NORM)


def tf_wing(config, x, y, mode):
    """A step of largemodels.tf: train_step as it stands, or its parts compiled."""
    from largemodels.tf import losses, optimizers, training, transformer

    model = transformer.Transformer(config)
    optimizer = optimizers.AdamW(**ADAMW)
    if mode == "eager":
        return wing_step(training, model, optimizer, x, y, max_norm=MAX_NORM)

    def clip(gradients):
        return optimizers.clip_gradients(gradients, MAX_NORM)[0]

    return keras_step(model, optimizer, losses.cross_entropy, x, y, mode, clip)


def plain_torch(config, x, y):
    """A step of nn.TransformerEncoderLayer with a causal mask, and torch.optim.AdamW.

    The layer is its own block of GPT-2, with norm_first and GELU in the tanh form.
    """
    import torch
    from torch import nn

    c = config.filled
    gelu = nn.GELU(approximate="tanh")
    sizes = c.d_model, c.num_heads, c.d_ff, 0.0, gelu, c.norm_eps
    options = {"batch_first": True, "norm_first": True}

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(c.vocab_size, c.d_model)
            self.positions = nn.Parameter(torch.empty(c.context_length, c.d_model))
            self.blocks = nn.ModuleList(
                nn.TransformerEncoderLayer(*sizes, **options)
                for _ in range(c.num_layers)
            )
            self.norm = nn.LayerNorm(c.d_model, c.norm_eps)
            mask = nn.Transformer.generate_square_subsequent_mask(c.context_length)
            self.register_buffer("mask", mask, persistent=False)

        def forward(self, tokens):
            """(B, T) -> logits (B, T, V)."""
            h = self.tokens(tokens) + self.positions
            for block in self.blocks:
                h = block(h, src_mask=self.mask, is_causal=True)
            return nn.functional.linear(self.norm(h), self.tokens.weight)

    model = Model()
    values = encoder_values(initial_parameters(config, seed=0, dtype="float32"))
    model.load_state_dict({n: torch.tensor(a) for n, a in values.items()})
    return torch_step(model, adamw(model), flat_cross_entropy, x, y, MAX_NORM)


def encoder_values(named):
    """A canonical dictionary under the names and layouts of nn.TransformerEncoder."""
    theirs = {
        "attention_norm": "norm1",
        "feed_forward_norm": "norm2",
        "attention.output": "self_attn.out_proj",
        "feed_forward.up": "linear1",
        "feed_forward.down": "linear2",
    }
    top = {"token_embedding.weight": "tokens.weight"}
    top |= {"position_embedding.weight": "positions"}
    top |= {f"final_norm.{part}": f"norm.{part}" for part in ("weight", "bias")}
    found, together = {}, {}
    for name, array in named.items():
        if name in top:
            found[top[name]] = array
            continue
        _, i, rest = name.split(".", 2)
        owner, part = rest.rsplit(".", 1)
        if owner in theirs:
            found[f"blocks.{i}.{theirs[owner]}.{part}"] = array.T.copy()
        else:  # query, key, value, in this order
            target = f"blocks.{i}.self_attn.in_proj_{part}"
            together.setdefault(target, []).append(array.T)
    return found | {n: np.concatenate(parts) for n, parts in together.items()}


def hugging_face(config, x, y):
    """A step of transformers.GPT2LMHeadModel, with the same weights."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    c = config.filled
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=c.vocab_size,
            n_positions=c.context_length,
            n_layer=c.num_layers,
            n_head=c.num_heads,
            n_embd=c.d_model,
            n_inner=c.d_ff,
            layer_norm_epsilon=c.norm_eps,
            **{f"{name}_pdrop": 0.0 for name in ("resid", "embd", "attn")},
            **dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id")),
        )
    )
    named = huggingface.to_gpt2(initial_parameters(config, seed=0, dtype="float32"))
    model.load_state_dict({n: torch.tensor(a) for n, a in named.items()})

    def loss(output, labels):
        return flat_cross_entropy(output.logits, labels)

    return torch_step(model, adamw(model), loss, x, y, MAX_NORM)


def adamw(model):
    """torch.optim.AdamW as it comes, with our constants."""
    import torch

    return torch.optim.AdamW(
        model.parameters(),
        lr=ADAMW["learning_rate"],
        betas=(ADAMW["beta_1"], ADAMW["beta_2"]),
        eps=ADAMW["eps"],
        weight_decay=ADAMW["weight_decay"],
    )


def flat_cross_entropy(logits, labels):
    """PyTorch's own cross-entropy over all positions."""
    from torch.nn import functional

    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


def rows(sizes):
    """The thresholds: as fast as PyTorch's own; the others against PyTorch eager."""
    torch, numpy = "PyTorch wing", "NumPy wing"
    layer = "nn.TransformerEncoderLayer"
    found = [
        Row(f"{torch} / {layer}", torch, layer, 1.0),
        Row(f"{torch} / transformers GPT-2", torch, "transformers GPT-2", 1.0),
    ]
    for mode, target in (("XLA", 1.4), ("graph", 2.5), ("eager", None)):
        ours = f"TensorFlow wing, {mode}"
        found.append(Row(f"{ours} / {torch}", ours, torch, target))
    return (
        *found,
        Row(f"{numpy} / {torch}", numpy, torch, 2.5),
        Row(f"HIPS autograd / {torch}", "HIPS autograd", torch),
        Row(f"{numpy} / HIPS autograd", numpy, "HIPS autograd"),
    )


GROUPS = (
    Group(
        "gpt",
        "GPT step: 4 layers, 4 heads, width 128, context 64, batch 12, vocabulary 65",
        contenders,
        SIZES,
        rows,
        steps=2,
        why="two steps a turn: TensorFlow by operation takes 0.3 s for each",
        rtol=1e-5,
    ),
)
