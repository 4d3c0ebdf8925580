"""References for the exercises of What is a large model?"""

from dataclasses import replace

import numpy as np

from largemodels.configs import TransformerConfig
from largemodels.costs.compute import device_hours, training_flops
from largemodels.costs.models import llama_config
from largemodels.costs.parameters import count_parameters
from largemodels.page.answers import reference


@reference(
    "tied-transformer-count",
    cases=[(50_257, 1_024, 12, 768), (50_257, 2_048, 96, 12_288), (11, 5, 1, 3)],
    hint="Go through one block matrix by matrix and write its shape beside it. Then: "
    "which biases, how many norms, and which matrix is used twice but stored once?",
    rtol=0,
    atol=0,
)
def tied_transformer_count(vocab_size, context_length, num_layers, d_model):
    """Parameters of a decoder in the shape of GPT-2."""
    config = TransformerConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        num_layers=num_layers,
        d_model=d_model,
        num_heads=1,
    )
    return count_parameters(config)["total"]


@reference(
    "gated-transformer-count",
    cases=[
        (32_000, 32, 4_096, 32, 32, 128, 11_008),
        (128_256, 126, 16_384, 128, 8, 128, 53_248),
        (11, 2, 8, 4, 2, 6, 7),
    ],
    hint="Keys and values have G heads, queries and the output map have A; a gated "
    "feed-forward has three matrices; a norm without bias has D numbers; and here the "
    "output map is a matrix of its own.",
    rtol=0,
    atol=0,
)
def gated_transformer_count(
    vocab_size, num_layers, d_model, num_heads, num_kv_heads, head_width, d_ff
):
    """Parameters of a decoder in the shape of Llama."""
    config = llama_config(num_layers, d_model, num_heads, num_kv_heads, d_ff)
    config = replace(config, vocab_size=vocab_size, head_width=head_width)
    return count_parameters(config)["total"]


@reference(
    "training-days",
    cases=[
        (70e9, 15e12, 1_024, 989e12, 0.5),
        (65e9, 1.4e12, 2_048, 312e12, 0.478),
        (124e6, 10e9, 1, 312e12, 0.4),
    ],
    hint="FLOPs divided by FLOP/s gives seconds. The rate is the peak of all devices "
    "together, times the share of it that is reached.",
    rtol=1e-9,
    atol=0,
)
def training_days(parameters, tokens, devices, peak, utilization):
    """Days that a training run takes."""
    hours = device_hours(training_flops(parameters, tokens), peak, utilization)
    return hours / devices / 24


def _predictions(rng):
    """Usual cases, nothing said, nothing there, and everything said."""
    labels = rng.integers(0, 2, 41)
    said = rng.integers(0, 2, 41)
    nothing, all_of_them = np.zeros(41, dtype=int), np.ones(41, dtype=int)
    return [
        (said, labels),
        (np.array([1, 1, 0, 0, 1]), np.array([1, 0, 1, 0, 1])),
        (nothing, labels),
        (said, nothing),
        (all_of_them, labels),
        (nothing, nothing),
    ]


@reference(
    "precision-and-recall",
    cases=_predictions,
    hint="Precision looks at what was said to be positive, recall at what is positive. "
    "Where there is nothing to look at, the share is nan, not 0 and not an error.",
    rtol=1e-9,
    atol=1e-12,
)
def precision_and_recall(predicted, labels):
    """(precision, recall) of class 1."""
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    found = np.sum((predicted == 1) & (labels == 1))
    said, there = np.sum(predicted == 1), np.sum(labels == 1)
    precision = found / said if said else np.nan
    recall = found / there if there else np.nan
    return precision, recall
