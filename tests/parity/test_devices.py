"""On a GPU the numbers are those of the CPU. These tests run where CUDA is."""

import numpy as np
import pytest
from largemodels.configs import MLPConfig
from numpy.testing import assert_allclose
from wings import OTHERS

CONFIG = MLPConfig(d_in=5, hidden=(7,), num_classes=3)


def run(wing, device):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(31, 5)), rng.integers(0, 3, 31)
    model = wing.model(CONFIG, dtype="float64")
    optimizer = wing.optimizer_for(model, "Momentum", learning_rate=0.125)
    order = [rng.integers(0, 31, 11) for _ in range(20)]
    history = wing.training.train(
        model, optimizer, x, y, order, device=device, validation=(x, y)
    )
    return history, wing.layers.read_parameters(model), wing.training.predict(model, x)


@pytest.mark.gpu
@pytest.mark.parametrize("wing", OTHERS, ids=repr)
def test_a_run_on_the_best_device_equals_one_on_the_cpu(wing):
    """TensorFlow's best device is the CPU where it was built without CUDA."""
    best = wing.training.choose_device()
    if wing.name == "pytorch":
        assert best == "cuda"
    history, named, logits = run(wing, best)
    expected, expected_named, expected_logits = run(wing, "cpu")
    # Twenty steps of float64, in which sums of at most 11 terms change their order.
    assert_allclose(history.loss, expected.loss, rtol=0, atol=1e-12)
    for name, array in expected_named.items():
        assert_allclose(named[name], array, rtol=0, atol=1e-12)
    assert_allclose(logits, expected_logits, rtol=0, atol=1e-12)
    assert history.evaluations[0]["accuracy"] == expected.evaluations[0]["accuracy"]


@pytest.mark.gpu
def test_a_model_moves_to_the_device_it_is_trained_on():
    wing = OTHERS[0]
    model = wing.model(CONFIG, dtype="float64")
    optimizer = wing.optimizer_for(model, "Momentum", learning_rate=0.125)
    x, y = np.ones((2, 5)), np.array([0, 2])
    wing.training.train(model, optimizer, x, y, [np.arange(2)], device="cuda")
    assert all(p.device.type == "cuda" for p in model.parameters())
    assert wing.training.predict(model, x).shape == (2, 3)
    optimizer = wing.optimizer_for(model, "Momentum", learning_rate=0.125)
    wing.training.train(model, optimizer, x, y, [np.arange(2)], device="cpu")
    assert all(p.device.type == "cpu" for p in model.parameters())
