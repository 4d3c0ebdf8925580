"""How the GPTs of gpt.py and gpt_more.py are trained, and their short language."""

import math
import re

import numpy as np
import torch
from largemodels.configs import TransformerConfig
from largemodels.data.grammar import Grammar
from largemodels.pytorch.transformer import Transformer
from torch.nn import functional as F

PIECE = re.compile(r" ?\w+| ?[^\w\s]|\n")
WARMUP, SHORT_STEPS = 20, 300


def rate_at(step, steps, peak):
    """Linear warm-up, then half a cosine down to a twentieth of the peak."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return peak * min(1, (step + 1) / WARMUP) * (0.95 * cosine + 0.05)


def update(model, optimizer, inputs, targets, rate):
    """One step of AdamW with the gradient clipped to a norm of 1."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    logits = model(inputs).flatten(0, 1)
    loss = F.cross_entropy(logits, targets.flatten(), ignore_index=-100)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def adamw(model, rate):
    """The optimizer of all runs here."""
    settings = {"betas": (0.9, 0.95), "weight_decay": 0.0, "fused": True}
    return torch.optim.AdamW(model.parameters(), lr=rate, **settings)


def short_language():
    """The page's language of stories of 19 tokens: see there."""

    def ranked(options):
        return [(1 / rank, parts) for rank, parts in enumerate(options, start=1)]

    names = {"Mia": "She", "Tom": "He", "Rosa": "She", "Ben": "He"}
    colors = ["red", "blue", "green", "yellow"]
    things = ["kite", "ball", "drum", "boat", "bell", "lamp"]
    places = ["outside", "upstairs", "nearby", "inside"]
    rules = {"<start>": ranked([[f"{name} lost a", f"<{name}>"] for name in names])}
    for name, they in names.items():
        rules[f"<{name}>"] = ranked([[f" {c}", f"<{name} {c}>"] for c in colors])
        for c in colors:
            ends = [
                (f" {x}. {they} looked", f" Then {name} found the {c} {x}")
                for x in things
            ]
            texts = [[a, "<place>", b, "<place>"] for a, b in ends]
            rules[f"<{name} {c}>"] = ranked(texts)
    rules["<place>"] = ranked([[f" {place}."] for place in places])
    return Grammar(rules)


class Short:
    """The short language as tokens, a stream of stories with a line end between."""

    def __init__(self):
        self.language = short_language()
        pieces = PIECE.findall("\n".join(self.sample(400, 10**6)))
        self.ids = {word: i for i, word in enumerate(sorted(set(pieces)))}

    def sample(self, number, seed):
        """Stories, as texts."""
        rng = np.random.default_rng(seed)
        return [self.language.sample(rng) for _ in range(number)]

    def rows(self, texts, together=1):
        """Sequences of so many stories each, (B, 19 together + 1)."""
        joined = zip(*(texts[i::together] for i in range(together)), strict=True)
        cut = (PIECE.findall("\n" + "\n".join(row) + "\n") for row in joined)
        return torch.tensor([[self.ids[word] for word in row] for row in cut])


def train_on_short(data, seed, together=1, prepare=None, **variant):
    """A model of the short language after SHORT_STEPS."""
    sizes = {"vocab_size": len(data.ids), "context_length": 19, "num_layers": 2}
    sizes |= {"d_model": 32, "num_heads": 4} | variant
    model = Transformer(TransformerConfig(**sizes), seed=seed)
    if prepare is not None:
        prepare(model)
    optimizer = adamw(model, 0.01)
    rows = data.rows(data.sample(16 * together * SHORT_STEPS, seed), together)
    for k in range(SHORT_STEPS):
        batch = rows[16 * k : 16 * (k + 1)]
        rate = rate_at(k, SHORT_STEPS, 0.01)
        update(model, optimizer, batch[:, :-1], batch[:, 1:], rate)
    return model
