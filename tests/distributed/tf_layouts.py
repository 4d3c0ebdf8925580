"""TensorFlow's strategies on two replicas, against one with the whole batch.

    tf_layouts.py mirrored                  two devices of one process
    tf_layouts.py HOST:PORT,HOST:PORT 0|1   a worker of two

Prints losses and weights as one line of JSON; mirrored, a second line has those of one
replica with the whole batch.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf
from largemodels.configs import TransformerConfig
from largemodels.tf import distributed as parallel
from largemodels.tf.layers import read_parameters
from largemodels.tf.optimizers import AdamW, Momentum
from largemodels.tf.transformer import Transformer

STEPS, BATCH, CONTEXT, VOCAB, SEED = 3, 6, 5, 11, 7
CONFIG = TransformerConfig(
    vocab_size=VOCAB,
    context_length=CONTEXT,
    num_layers=1,
    d_model=12,
    num_heads=4,
    d_ff=20,
)
# Momentum shows a wrong scale of the gradient, which Adam hides.
OPTIMIZERS = {"momentum": lambda: Momentum(0.1), "adamw": lambda: AdamW(0.01)}


def run(strategy, make, rows=slice(None)):
    """Losses and weights of STEPS updates."""
    text = np.random.default_rng(3).integers(VOCAB, size=(STEPS, BATCH, CONTEXT + 1))
    with strategy.scope():
        model = Transformer(CONFIG, "float64", SEED)
        optimizer = make()
        optimizer.build(model.trainable_variables)
    step = parallel.distributed_step(strategy, model, optimizer)
    losses = [step(t[rows, :-1], t[rows, 1:]) for t in text]
    return losses, read_parameters(model)


def report(strategy, names, rows=slice(None)):
    """Print each optimizer's losses, and its weights as one list."""
    found = {"replicas": strategy.num_replicas_in_sync}
    for name in names:
        losses, weights = run(strategy, OPTIMIZERS[name], rows)
        flat = np.concatenate([w.ravel() for w in weights.values()])
        found[name] = {"losses": losses, "weights": flat.tolist()}
    print(json.dumps(found), flush=True)


def main(layout, index=0):
    """Run, and print."""
    keras.config.set_floatx("float64")
    if layout == "mirrored":
        strategy = tf.distribute.MirroredStrategy(parallel.logical_devices(2))
        report(strategy, OPTIMIZERS)
        report(tf.distribute.get_strategy(), OPTIMIZERS)
        return
    cluster = parallel.Cluster(tuple(layout.split(",")), int(index))
    half = BATCH // 2
    rows = slice(cluster.index * half, (cluster.index + 1) * half)
    report(parallel.multi_worker(cluster, join_timeout=120), ["momentum"], rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
