"""Recurrent configs and their parameters: what they say, refuse, and start from."""

import dataclasses

import numpy as np
import pytest
from largemodels import parameters
from largemodels.configs import RecurrentConfig
from largemodels.configs.recurrent import GATES

SMALL = {"d_in": 5, "d_hidden": 7, "num_classes": 3}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"d_hidden": 0}, ValueError, "d_hidden must be at least 1, got 0"),
        ({"num_layers": 1.5}, TypeError, "num_layers must be an integer, got 1.5"),
        ({"d_in": 0}, ValueError, "d_in must be at least 1, got 0"),
        ({"cell": "mgu"}, ValueError, "cell must be one of rnn, lstm, gru; got 'mgu'"),
        ({"readout": "mean"}, ValueError, "readout must be one of every, last"),
        ({"activation": "gelu"}, ValueError, "activation must be one of tanh, relu"),
        ({"activation": "relu"}, ValueError, "must be tanh where cell='lstm'"),
        ({"bidirectional": 1}, TypeError, "bidirectional must be True or False"),
        ({"bias": None}, TypeError, "bias must be True or False, got None"),
        ({"forget_bias": float("nan")}, ValueError, "forget_bias must be finite"),
        ({"d_in": None}, ValueError, "exactly one of d_in and vocab_size.*=None and"),
        ({"vocab_size": 9}, ValueError, "d_in=5 and vocab_size=9"),
        ({"d_embedding": 4}, ValueError, "d_embedding=4 needs a vocab_size, got None"),
    ],
)
def test_what_is_refused(changes, error, message):
    with pytest.raises(error, match=message):
        RecurrentConfig(**SMALL | changes)


def test_widths_follow_the_choices():
    config = RecurrentConfig(vocab_size=11, d_hidden=7, num_classes=11)
    assert (config.step_width, config.output_width) == (7, 7)
    narrow = dataclasses.replace(config, d_embedding=np.int64(4), bidirectional=True)
    assert (narrow.step_width, narrow.output_width) == (4, 14)
    assert narrow.directions == ("forward_layers", "backward_layers")
    assert hash(config) != hash(narrow)


def test_names_and_shapes_in_their_order():
    config = RecurrentConfig(
        vocab_size=11,
        d_embedding=4,
        d_hidden=7,
        num_classes=3,
        num_layers=2,
        bidirectional=True,
        cell="gru",
    )
    shapes = parameters.shapes(config)
    layers = [
        f"recurrent.{direction}_layers.{i}.{part}"
        for direction in ("forward", "backward")
        for i in (0, 1)
        for part in ("input_weight", "recurrent_weight", "bias", "candidate_bias")
    ]
    names = ["token_embedding.weight", *layers, "output.weight", "output.bias"]
    assert list(shapes) == names
    assert [shapes[name] for name in layers[:5]] == [
        (4, 21),
        (7, 21),
        (21,),
        (7,),
        (14, 21),
    ]
    assert shapes["token_embedding.weight"] == (11, 4)
    assert shapes["output.weight"] == (14, 3)
    bare = parameters.shapes(RecurrentConfig(**SMALL, bias=False))
    assert [*map(len, bare.values())] == [2, 2, 2]


@pytest.mark.parametrize("cell", GATES)
def test_recurrent_blocks_are_orthogonal_and_input_blocks_uniform(cell):
    width, d_in = 64, 200
    config = RecurrentConfig(cell=cell, d_in=d_in, d_hidden=width, num_classes=1)
    named = parameters.initial_parameters(config, 0)
    layer = "recurrent.forward_layers.0"
    blocks = np.split(named[f"{layer}.recurrent_weight"], GATES[cell], axis=1)
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(width), rtol=0, atol=1e-13)
    assert len({block[0, 0] for block in blocks}) == GATES[cell]
    weight = named[f"{layer}.input_weight"]
    bound = np.sqrt(6 / (d_in + width))
    assert 0.999 * bound < np.abs(weight).max() <= bound
    # The standard error of a uniform's variance is sqrt(4 / (5 n)) of it: five of it.
    allowed = 5 * np.sqrt(0.8 / weight.size)
    assert weight.var() == pytest.approx(bound**2 / 3, rel=allowed, abs=0)


def test_only_the_forget_gate_has_a_bias_at_the_start():
    for cell, forget in (("lstm", 1.0), ("lstm", -2.5), ("gru", 1.0), ("rnn", 1.0)):
        config = RecurrentConfig(**SMALL, cell=cell, forget_bias=forget, num_layers=2)
        for name, array in parameters.initial_parameters(config, 0).items():
            expected = np.zeros(array.shape)
            if cell == "lstm" and name.startswith("recur") and name.endswith(".bias"):
                expected[7:14] = forget
            assert not name.endswith("bias") or np.array_equal(array, expected)


def test_a_start_repeats_and_refuses_other_schemes():
    config = RecurrentConfig(**SMALL)
    one, again, other = (parameters.initial_parameters(config, s) for s in (3, 3, 4))
    for name, array in one.items():
        assert np.array_equal(array, again[name])
        assert name.endswith("bias") or not np.array_equal(array, other[name])
    with pytest.raises(ValueError, match="scheme must be one of orthogonal; got 'he'"):
        parameters.initial_parameters(config, 0, "he")


def test_pytorch_has_the_weights_the_other_way_round():
    config = RecurrentConfig(**SMALL, cell="gru", bidirectional=True)
    for name, array in parameters.initial_parameters(config, 0).items():
        for wing in parameters.WINGS:
            there = parameters.to_wing(name, array, wing)
            turned = wing == "pytorch" and array.ndim == 2
            assert np.array_equal(there, array.T if turned else array)
            assert np.array_equal(parameters.from_wing(name, there, wing), array)
