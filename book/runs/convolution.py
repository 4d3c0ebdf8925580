"""Held-out accuracy of a small convolutional net on real digits, chosen honestly.

    python book/runs/convolution.py --write     two minutes on one thread

Of the 1,797 digits 359 are for choices. Three nets are trained on the other 1,438, with
images turned, scaled and moved at random, and judged on the 359; the best is taken. It
is then trained five times, on all but a fifth of the 1,438 and the 359, and tested on
that fifth, once. No choice sees a tested image. The page on convolutional networks
quotes the result, book/runs/convolution.json.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch
from largemodels.data import digits
from torch import nn
from torch.nn import functional as F

SEEDS, EPOCHS, BATCH, RATE = 5, 60, 64, 0.03
NETS = {"8, 32": (8, 32, False), "16, 32": (16, 32, False), "normed": (16, 32, True)}


def part(c_in, c_out, size, padding=0):
    """A convolution of each of the five nets, side by side."""
    channels = SEEDS * c_in, SEEDS * c_out
    return nn.Conv2d(*channels, size, padding=padding, groups=SEEDS)


def make(first, second, normed):
    """Five nets: two convolutions with pooling, and a linear map to the scores."""
    layers = []
    for c_in, c_out in ((1, first), (first, second)):
        layers.append(part(c_in, c_out, 3, padding=1))
        layers += [nn.BatchNorm2d(SEEDS * c_out)] if normed else []
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    net = nn.Sequential(*layers, part(second, 10, 3))
    return net.to(memory_format=torch.channels_last)


def vary(x, rng):
    """Up to 15 degrees, 10 % and a pixel, uniformly."""
    turn, grow, right, down = 2 * torch.rand(4, len(x), generator=rng) - 1
    scale = 1 + 0.1 * grow
    c = torch.cos((15 * turn).deg2rad()) / scale
    s = torch.sin((15 * turn).deg2rad()) / scale
    unit = 2 / x.shape[-1]
    rows = [c, s, -(c * right + s * down) * unit, -s, c, (s * right - c * down) * unit]
    grid = F.affine_grid(
        torch.stack(rows, 1).view(-1, 2, 3), x.shape, align_corners=False
    )
    return F.grid_sample(x, grid, align_corners=False)


def correct(kind, x, y, test_x, test_y):
    """Right answers of five trained nets, a list. x: (n, 5, 8, 8); y: (n, 5)."""
    torch.manual_seed(0)
    rng, net = torch.Generator().manual_seed(0), make(*NETS[kind])
    x, test_x = (F.pad(torch.tensor(a), (2, 2, 2, 2)) for a in (x, test_x))
    y, steps = torch.tensor(y), EPOCHS * (len(x) // BATCH)
    optimizer = torch.optim.Adam(net.parameters(), RATE, fused=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    nets = torch.arange(SEEDS)
    for _ in range(EPOCHS):
        order = torch.stack([torch.randperm(len(x), generator=rng) for _ in nets], 1)
        for rows in order[: len(x) - len(x) % BATCH].split(BATCH):
            z = net(vary(x[rows, nets], rng)).reshape(-1, 10)
            optimizer.zero_grad()
            (SEEDS * F.cross_entropy(z, y[rows, nets].flatten())).backward()
            optimizer.step()
            cycle.step()
    with torch.no_grad():
        found = net.eval()(test_x).reshape(len(test_x), SEEDS, 10).argmax(-1)
    return (found.numpy() == test_y).sum(0).tolist()


def main():
    """Choose, train, test, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the result")
    write = parser.parse_args().write
    torch.set_num_threads(1)
    began, split = time.process_time(), digits.load(seed=0, images=True)
    pool, pool_y = split.train_inputs, split.train_labels
    five = [np.stack([a] * SEEDS, 1) for a in (pool, pool_y)]
    chosen_on = [
        np.stack([a] * SEEDS, 1) for a in (split.test_inputs, split.test_labels)
    ]
    development = {kind: correct(kind, *five, *chosen_on) for kind in NETS}
    best = max(NETS, key=lambda kind: sum(development[kind]))
    folds = [np.arange(s, len(pool) // SEEDS * SEEDS, SEEDS) for s in range(SEEDS)]
    x = [np.concatenate([np.delete(pool, f, 0), split.test_inputs]) for f in folds]
    y = [np.concatenate([np.delete(pool_y, f), split.test_labels]) for f in folds]
    tests = [np.stack([a[f] for f in folds], 1) for a in (pool, pool_y)]
    result = {
        "command": "python book/runs/convolution.py --write",
        "date": time.strftime("%Y-%m-%d"),
        "hardware": f"one thread, {platform.machine()}, PyTorch {torch.__version__}",
        "development": {kind: development[kind] for kind in NETS},
        "development_images": len(split.test_labels),
        "chosen": best,
        "correct": correct(best, *(np.stack(a, 1) for a in (x, y)), *tests),
        "tested": [len(f) for f in folds],
        "seconds": round(time.process_time() - began),
    }
    print(json.dumps(result, indent=1))
    if write:
        target = Path(__file__).with_suffix(".json")
        target.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
