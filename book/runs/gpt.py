"""Train the GPTs that book/transformers/gpt-training.md quotes and that take minutes.

    python book/runs/gpt.py stories --write
    python book/runs/gpt.py variants --write
    python book/runs/gpt.py text --write

stories   GPTs on stories of a grammar with known entropy, five seeds
variants  one head or four, positions or none, on the short language of gpt.md
text      one GPT on the documentation strings of NumPy, SciPy and scikit-learn

Each is at most a few minutes on one thread. Without --write the result is printed; with
it, it replaces its part of gpt.json beside this file. The seconds depend on what else
runs, and the last digits on the processor.
"""

import argparse
import datetime
import json
import lzma
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from gpt_training import (
    PIECE,
    SHORT_STEPS,
    Short,
    adamw,
    rate_at,
    train_on_short,
    update,
)
from largemodels.configs import TransformerConfig
from largemodels.data import stories
from largemodels.data import text as documentation
from largemodels.data.tokenizers import BPETokenizer, bits_per_byte
from largemodels.pytorch.generation import generate
from largemodels.pytorch.transformer import Transformer
from torch.nn import functional as F

RESULT = Path(__file__).with_suffix(".json")
STEPS, BATCH, RATE = 800, 8, 8e-3
EVALUATED = (25, 50, 100, 200, 400, 600, 800)
SAMPLING = {
    "temperature 1": {},
    "temperature 0.7": {"temperature": 0.7},
    "temperature 0": {"temperature": 0.0},
    "top-k 10": {"top_k": 10},
    "top-p 0.9": {"top_p": 0.9},
}


class Stories:
    """Words as tokens, and stories between two line ends."""

    def __init__(self):
        rules = stories.grammar().rules
        spelled = {
            part
            for options in rules.values()
            for option in options
            for part in (option.first, *option.rest)
        } - set(rules)
        found = {w for part in spelled for w in PIECE.findall(part)}
        self.words = sorted(found | {"\n"})
        self.ids = {word: i for i, word in enumerate(self.words)}
        self.held_out = stories.stories(300, seed=10**6)
        self.exact = np.array([-stories.log_probability(s) for s in self.held_out])
        self.inputs, self.targets = self.padded(self.held_out)

    def padded(self, texts):
        """Inputs and targets (B, T), the targets of padding -100."""
        rows = [
            torch.tensor([self.ids[w] for w in PIECE.findall(f"\n{text}\n")])
            for text in texts
        ]
        pad = torch.nn.utils.rnn.pad_sequence
        inputs = pad([row[:-1] for row in rows], batch_first=True)
        targets = [row[1:] for row in rows]
        return inputs, pad(targets, batch_first=True, padding_value=-100)

    @torch.no_grad()
    def excess(self, model):
        """Nats above the grammar's own, for each held-out story."""
        losses = []
        for i in range(0, len(self.inputs), 50):
            logits = model(self.inputs[i : i + 50]).flatten(0, 1)
            wanted = self.targets[i : i + 50]
            each = F.cross_entropy(
                logits, wanted.flatten(), ignore_index=-100, reduction="none"
            )
            losses.append(each.view(wanted.shape).sum(1))
        return torch.cat(losses).numpy() - self.exact

    def write(self, model, number, seed, **settings):
        """Stories that a model writes, whole ones, as texts."""
        end = self.ids["\n"]
        begin = np.full((number, 1), end)
        rows = generate(model, begin, 200, seed=seed, stop=end, **settings)
        return ["".join(self.words[i] for i in row[1:]).split("\n")[0] for row in rows]


def price(text):
    """-log p of a story in nats; None where the grammar refuses it."""
    try:
        return -stories.log_probability(text)
    except ValueError:
        return None


def train_on_stories(data, seed, samples=None):
    """One run. Returns the model, and its mean excess at the steps EVALUATED."""
    config = TransformerConfig(
        vocab_size=len(data.words),
        context_length=400,
        num_layers=2,
        d_model=64,
        num_heads=4,
    )
    model = Transformer(config, seed=seed)
    optimizer, curve = adamw(model, RATE), []
    texts = stories.stories(BATCH * STEPS, seed=seed)
    for step in range(STEPS):
        batch = data.padded(texts[BATCH * step : BATCH * (step + 1)])
        update(model, optimizer, *batch, rate_at(step, STEPS, RATE))
        if step + 1 in EVALUATED:
            curve.append(round(float(data.excess(model).mean()), 3))
            if samples is not None:
                samples[step + 1] = data.write(model, 1, seed=1)[0]
    return model, curve


def quality(data, model, seed, number=60):
    """What share of written stories the grammar accepts, and their mean price."""
    rows = {}
    for name, settings in SAMPLING.items():
        texts = data.write(model, number, seed=seed, **settings)
        prices = [p for p in map(price, texts) if p is not None]
        mean = round(float(np.mean(prices)), 2) if prices else None
        rows[name] = [len(prices) / number, mean, len(set(texts)) / number]
    return rows


def run_stories():
    """All seeds, what each writes, and samples of the first on its way."""
    data, curves, written, samples = Stories(), [], [], {}
    for seed in range(5):
        model, curve = train_on_stories(data, seed, None if seed else samples)
        curves.append(curve)
        written.append(quality(data, model, seed))
        print(seed, curve, written[-1], flush=True)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "entropy": stories.entropy(),
        "held_out_mean": round(float(data.exact.mean()), 3),
        "steps": EVALUATED,
        "excess": curves,
        "quality": written,
        "samples": samples,
    }


def run_text():
    """Bits per byte of held-out documentation, and samples on the way."""
    documents = documentation.documents()
    held = [doc for i, doc in enumerate(documents) if i % 20 == 0][:150]
    seen = [doc for i, doc in enumerate(documents) if i % 20]
    tokenizer = BPETokenizer.train(seen[::8], 1024, special_tokens=["<|end|>"])
    end = tokenizer.special_tokens["<|end|>"]
    stream = np.concatenate([np.append(tokenizer.encode(doc), end) for doc in seen])
    tests = [np.concatenate(([end], tokenizer.encode(doc), [end])) for doc in held]
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=TEXT_CONTEXT,
        num_layers=3,
        d_model=128,
        num_heads=4,
        positions="rope",
    )
    model = Transformer(config, seed=0)
    optimizer, rng = adamw(model, 3e-3), np.random.default_rng(0)
    curve, samples = [], {}
    for step in range(TEXT_STEPS):
        starts = rng.integers(len(stream) - TEXT_CONTEXT - 1, size=12)
        rows = torch.tensor(stream[starts[:, None] + np.arange(TEXT_CONTEXT + 1)])
        rate = rate_at(step, TEXT_STEPS, 3e-3)
        update(model, optimizer, rows[:, :-1], rows[:, 1:], rate)
        if step + 1 in TEXT_EVALUATED:
            loss, tokens = text_loss(model, tests)
            size = sum(len(doc.encode()) + 1 for doc in held)
            curve.append([step + 1, round(bits_per_byte(loss, tokens, size), 3)])
            new = generate(model, tokenizer.encode("Compute the "), 60, 0.7, seed=3)
            samples[step + 1] = tokenizer.decode(new)
            print(curve[-1], repr(samples[step + 1]), flush=True)
    raw = "\f".join(held).encode()
    return {
        "documents": [len(seen), len(held)],
        "bytes": [sum(map(len, seen)), len(raw)],
        "tokens_seen": TEXT_STEPS * 12 * TEXT_CONTEXT,
        "parameters": sum(p.numel() for p in model.parameters()),
        "bits_per_byte": curve,
        "xz": round(8 * len(lzma.compress(raw, preset=9)) / len(raw), 3),
        "samples": samples,
    }


VARIANTS = {
    "four heads": {},
    "one head": {"num_heads": 1},
    "no positions": {"positions": "none"},
    "rotary positions": {"positions": "rope"},
}


def run_variants():
    """The excess of each variant after training, for eight seeds."""
    data, result = Short(), {}
    held_out = data.sample(400, 10**6)
    exact = np.mean([-data.language.log_probability(text) for text in held_out])
    test = data.rows(held_out)
    for name, variant in VARIANTS.items():
        result[name] = []
        for seed in range(8):
            model = train_on_short(data, seed, **variant)
            with torch.no_grad():
                logits = model(test[:, :-1]).flatten(0, 1)
                loss = F.cross_entropy(logits, test[:, 1:].flatten()).item()
            result[name].append(round(float(loss * (test.shape[1] - 1) - exact), 3))
        print(name, result[name], flush=True)
    entropy = data.language.entropy
    return {"entropy": entropy, "steps": SHORT_STEPS, "excess": result}


TEXT_CONTEXT, TEXT_STEPS = 128, 800
TEXT_EVALUATED = (10, 50, 200, 400, 800)


@torch.no_grad()
def text_loss(model, rows):
    """Mean loss a token over documents, each token after at most a context's worth."""
    total = count = 0
    for row in rows:
        row = torch.tensor(row)
        for start in range(0, len(row) - 1, TEXT_CONTEXT):
            piece = row[start : start + TEXT_CONTEXT + 1]
            logits = model(piece[None, :-1])[0]
            total += F.cross_entropy(logits, piece[1:], reduction="sum").item()
            count += len(piece) - 1
    return total / count, count


PARTS = {"stories": run_stories, "variants": run_variants, "text": run_text}


def main(parts=PARTS, kept_in=RESULT):
    """Run one part; with --write, keep it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=tuple(parts))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.process_time()
    result = parts[given.part]()
    record = {
        "command": f"python book/runs/{kept_in.stem}.py {given.part} --write",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": f"one thread of a {platform.machine()} processor",
        "torch": torch.__version__.split("+")[0],
        "cpu_seconds": round(time.process_time() - begun),
        **result,
    }
    if not given.write:
        print(json.dumps(record, indent=1))
        return
    kept = json.loads(kept_in.read_text("utf-8")) if kept_in.exists() else {}
    kept[given.part] = record
    kept_in.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
