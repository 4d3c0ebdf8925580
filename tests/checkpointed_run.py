"""A small run with checkpoints, by itself: what the tests of resuming kill.

    python checkpointed_run.py <wing> <folder> <seconds a step>

Prints the number of each update before it is made.
"""

import os
import sys
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import importlib

import numpy as np
from largemodels import schedules
from largemodels.checkpoints import Checkpoints
from largemodels.configs import MLPConfig
from largemodels.data.batches import batches

STEPS, EVERY = 30, 4
CONFIG = MLPConfig(d_in=5, hidden=(7,), num_classes=3)


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 5)).astype("float32"), rng.integers(0, 3, 40)


def train(
    wing, folder, pause=0.0, every=EVERY, stop=None, make=None, factor=1.0, **changed
):
    """A run of the wing in a folder; the history, and all that it ended with.

    stop: the update before which Ctrl-C is pressed; make: returns another model than an
    MLP; factor: what the loss is multiplied by.
    """
    floor = {
        name: importlib.import_module(f"largemodels.{wing}.{name}")
        for name in ("layers", "losses", "optimizers", "training", "tensor", "state")
    }
    model = make() if make else floor["layers"].MLP(CONFIG, seed=3)
    params = () if wing == "tf" else (model.parameters(),)
    optimizer = floor["optimizers"].AdamW(*params, learning_rate=0.5)
    noise = np.random.default_rng(7)  # drawn from in every step, as augmentation does

    def loss(logits, labels):
        return factor * floor["losses"].cross_entropy(logits, labels)

    def order():
        for step, batch in enumerate(batches(40, 8, seed=1, steps=STEPS)):
            if step == stop:
                raise KeyboardInterrupt
            time.sleep(pause)
            yield batch

    def rate(step):
        print(step, flush=True)
        return schedules.warmup(schedules.cosine(0.05, STEPS), 5)(step) * noise.random()

    x, y = data()
    options = {"checkpoints": Checkpoints(folder, every, 2, {"noise": noise})}
    options |= {"validation": (x, y), "evaluate_every": 6, "patience": 100, **changed}
    history = floor["training"].train(
        model, optimizer, x, y, order(), loss=loss, schedule=rate, **options
    )
    found = {"loss": history.loss, "rate": history.learning_rate}
    found["evaluations"] = [list(e.values()) for e in history.evaluations]
    found = {f"history.{name}": np.array(value) for name, value in found.items()}
    found |= floor["layers"].read_parameters(model)
    if wing == "tf":
        states = [floor["tensor"].numpy(v) for v in optimizer.variables]
    else:
        states = [
            floor["tensor"].numpy(value)
            for entry in optimizer.state_dict()["state"].values()
            for value in entry.values()
        ]
    found |= {f"optimizer.{i:03d}": array for i, array in enumerate(states)}
    return history, found | {"noise": np.array(noise.random())}


if __name__ == "__main__":
    train(sys.argv[1], sys.argv[2], float(sys.argv[3]))
