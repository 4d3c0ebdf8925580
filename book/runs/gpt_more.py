"""Train the GPTs for what gpt-training.md says of lengths and of beams.

    python book/runs/gpt_more.py lengths --write
    python book/runs/gpt_more.py beams --write

lengths   four ways to give positions, trained on two stories, tested on sixteen
beams     what beams of three widths find in the models of gpt.py's `stories`

Each takes minutes on one thread. Without --write the result is printed; with it, it
replaces its part of gpt_more.json beside this file.
"""

import math
from pathlib import Path

import gpt
import numpy as np
import torch
from gpt_training import PIECE, SHORT_STEPS, Short, train_on_short
from torch.nn import functional as F

RESULT = Path(__file__).with_suffix(".json")


@torch.no_grad()
def prices_by_place(model, rows):
    """What a model pays for the stories at each place, (B, places), in nats."""
    logits = model(rows[:, :-1]).transpose(1, 2)
    each = F.cross_entropy(logits, rows[:, 1:], reduction="none")
    return each.unflatten(1, (-1, 19)).sum(2).numpy()


def add_alibi(model):
    """Add the bias -2^(-8 a / A) (t - s) to the scores of head a, from 1 to A."""
    A, T = model.config.num_heads, model.config.context_length
    slopes = 2.0 ** (-8 * torch.arange(1, A + 1) / A)
    distance = (torch.arange(T)[:, None] - torch.arange(T)).float()
    bias = -slopes[:, None, None] * distance
    bias = bias.masked_fill(distance < 0, -math.inf)  # (A, T, T)

    def kernel(q, k, v, mask):
        n = q.shape[2]
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[:, :n, :n])

    for block in model.blocks:
        block.attention._kernel = kernel


def soften_waves(model):
    """Give the waves the spread of the tokens at the start, 0.02, not 0.7."""
    model.waves *= 0.02 * math.sqrt(2)


POSITIONS = {
    "sinusoidal": {"positions": "sinusoidal", "prepare": soften_waves},
    "rotary": {"positions": "rope"},
    "none": {"positions": "none"},
    "ALiBi": {"positions": "none", "prepare": add_alibi},
}


def run_lengths():
    """The excess of a story by its place, after training on two at a time."""
    data, result, places = Short(), {}, 16
    held_out = data.sample(100 * places, 10**6)
    exact = [-data.language.log_probability(text) for text in held_out]
    exact = np.reshape(exact, (100, places))
    test = data.rows(held_out, places)
    for name, variant in POSITIONS.items():
        result[name] = []
        for seed in range(8):
            room = 19 * places
            model = train_on_short(data, seed, 2, context_length=room, **variant)
            excess = (prices_by_place(model, test) - exact).mean(0)
            result[name].append([round(float(x), 2) for x in excess])
        print(name, result[name], flush=True)
    return {"steps": SHORT_STEPS, "trained": 2, "places": places, "excess": result}


@torch.no_grad()
def beam(model, tokens, width, num_new, stop):
    """The most probable continuation that a beam finds, and its log-probability."""
    text, score = torch.tensor(tokens)[None], torch.zeros(1)
    for _ in range(num_new):
        step = model(text)[:, -1].log_softmax(-1)
        V, ended = step.shape[1], (text[:, len(tokens) :] == stop).any(1)
        step[ended] = -math.inf
        step[ended, stop] = 0.0  # what has ended stays as it is
        score, best = (score[:, None] + step).flatten().topk(min(width, step.numel()))
        text = torch.cat((text[best // V], (best % V)[:, None]), 1)
        if (text[:, -1] == stop).all():
            break
    return text[0].tolist(), score[0].item()


def run_beams():
    """What beams find after seven tokens of twenty stories: means over these."""
    data, widths, shown = gpt.Stories(), (1, 4, 16), 7
    end, texts = data.ids["\n"], data.held_out[:20]
    found = {w: {"log_probability": [], "accepted": [], "tokens": []} for w in widths}
    for seed in range(5):
        model, _ = gpt.train_on_stories(data, seed)
        for width, kept in found.items():
            rows = []
            for text in texts:
                start = [data.ids[w] for w in PIECE.findall(f"\n{text}")][:shown]
                row, score = beam(model, start, width, 200, end)
                story = "".join(data.words[i] for i in row[1:]).split("\n")[0]
                accepted = gpt.price(story) is not None
                rows.append([score, accepted, len(PIECE.findall(story))])
            score, accepted, tokens = np.transpose(rows)
            kept["log_probability"].append(round(float(score.mean()), 2))
            kept["accepted"].append(int(accepted.sum()))
            kept["tokens"].append(round(float(tokens.mean()), 2))
            print(seed, width, story, flush=True)
    true = float(np.mean([len(PIECE.findall(text)) for text in texts]))
    return {"true_tokens": true, "found": found}


PARTS = {"lengths": run_lengths, "beams": run_beams}


if __name__ == "__main__":
    gpt.main(PARTS, RESULT)
