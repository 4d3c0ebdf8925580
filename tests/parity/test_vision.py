"""LeNet and ResNet: equal starts, steps and statistics; models that change wings."""

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from largemodels.configs import LeNetConfig, ResNetConfig
from largemodels.parameters import (
    count,
    from_wing,
    initial_parameters,
    load,
    save,
    shapes,
)
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, PYTORCH, SCRATCH, TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

CONFIGS = {
    "LeNet": LeNetConfig(
        image_shape=(11, 13, 2),
        num_classes=3,
        channels=(5, 7),
        kernel_size=(3, 2),
        hidden=(17,),
    ),
    "LeNet, averages": LeNetConfig(
        image_shape=(8, 8, 1),
        channels=(3, 5),
        kernel_size=3,
        paddings="same",
        pooling="average",
        activation="tanh",
        hidden=(),
    ),
    "ResNet": ResNetConfig(image_shape=(7, 11, 2), num_classes=5, depth=8, width=3),
    "ResNet, projected": ResNetConfig(
        image_shape=(7, 11, 2),
        num_classes=5,
        depth=8,
        width=2,
        shortcut="projection",
        activation="gelu",
        norm_eps=1e-2,
        norm_momentum=0.3,
    ),
}
each = pytest.mark.parametrize("name", CONFIGS)


def model(wing, name, dtype="float64", seed=0):
    kind = getattr(wing.convolution, name.split(",")[0])
    return kind(CONFIGS[name], dtype=dtype, seed=seed)


def batch(wing, name, size=13):
    config, rng = CONFIGS[name], np.random.default_rng(0)
    x = rng.normal(size=(size, *config.image_shape))
    y = rng.integers(0, config.num_classes, size)
    first = wing.name == "pytorch"
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if first else x, y


def start(name):
    """Random values for all: at zero, a missing bias would not be seen."""
    named = {}
    for i, (key, shape) in enumerate(shapes(CONFIGS[name]).items()):
        rng = np.random.default_rng(i)
        fan_in = max(1, np.prod(shape[:-1]))
        named[key] = rng.normal(size=shape) / np.sqrt(fan_in)
        if len(shape) == 1:
            named[key] = rng.uniform(0.5, 1.5, shape)
    return named


def gradients(wing, net, x, y):
    """Loss and gradients in training, by canonical name."""
    if wing is not TENSORFLOW:
        return wing.gradients(net.train(), x, y)
    with tf.GradientTape() as tape:
        loss = wing.losses.cross_entropy(net(tf.constant(x), training=True), y)
    named = wing.layers.named_variables(net)
    grads = tape.gradient(loss, {key: v for key, v in named if v.trainable})
    return float(loss), {
        key: from_wing(key, g.numpy(), "tf") for key, g in grads.items()
    }


@others
@each
def test_gradients_and_statistics_agree(wing, name):
    results = []
    for one in (wing, SCRATCH):
        net = model(one, name)
        one.layers.load_parameters(net, start(name))
        x, y = batch(one, name)
        judged = one.training.predict(net, x)
        loss, grads = gradients(one, net, x, y)
        results.append((judged, loss, grads, one.layers.read_parameters(net)))
    (judged, loss, grads, state), (judged_0, loss_0, grads_0, state_0) = results
    # Sums of at most 300 products of numbers near 1, through up to 15 layers; batch
    # norms divide by deviations near 1.
    assert_allclose(judged, judged_0, rtol=1e-10, atol=1e-12)
    assert_allclose(loss, loss_0, rtol=1e-12, atol=0)
    assert set(grads) == set(grads_0) == {k for k in state_0 if "running" not in k}
    for key, expected in grads_0.items():
        assert np.abs(expected).max() > 1e-6  # there is something to agree on
        assert_allclose(grads[key], expected, rtol=1e-9, atol=1e-12)
    for key, expected in state_0.items():
        assert_allclose(state[key], expected, rtol=1e-11, atol=1e-13)
        moved = np.abs(expected - start(name)[key]).max() > 1e-3
        assert moved == ("running" in key)


@wings
@each
def test_models_start_from_the_one_generator(wing, name):
    named = wing.layers.read_parameters(model(wing, name, "float32", seed=3))
    expected = initial_parameters(CONFIGS[name], 3, dtype="float32")
    assert set(named) == set(expected)
    for key, array in expected.items():
        assert named[key].dtype == array.dtype
        assert_array_equal(named[key], array)


@each
def test_initial_values_are_those_of_he(name):
    for key, array in initial_parameters(CONFIGS[name], 0).items():
        part = key.rpartition(".")[2]
        if array.ndim == 1:
            assert_array_equal(array, float(part in ("weight", "running_variance")))
        elif array.size > 100:
            wanted = 2 / np.prod(array.shape[:-1])
            # The variance of n normal numbers is known to sqrt(2 / n), below 14 %.
            assert array.var() == pytest.approx(wanted, rel=0.45, abs=0)
    with pytest.raises(ValueError, match="scheme must be one of he"):
        initial_parameters(CONFIGS[name], 0, scheme="xavier")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["LeNet", "ResNet, projected"])
def test_training_runs_agree(name):
    """Four steps of momentum, compiled in TensorFlow, and the evaluation after."""
    order = [np.random.default_rng(i).permutation(13)[:7] for i in range(4)]
    runs = []
    for wing in WINGS:
        net = model(wing, name)
        optimizer = wing.optimizer_for(net, "Momentum", learning_rate=0.03125)
        x, y = batch(wing, name)
        history = wing.training.train(net, optimizer, x, y, order, validation=(x, y))
        final = wing.layers.read_parameters(net)
        runs.append((history.loss, history.evaluations[-1]["loss"], final))
    (losses, judged, state), *rest = runs
    assert losses[-1] != pytest.approx(losses[0], rel=1e-2, abs=0)
    for other_losses, other_judged, other_state in rest:
        # Roundings of the first step grow with each, to 1e-9 at most.
        assert_allclose(other_losses, losses, rtol=1e-9, atol=1e-11)
        assert_allclose(other_judged, judged, rtol=1e-9, atol=0)
        for key, array in state.items():
            assert_allclose(other_state[key], array, rtol=1e-7, atol=1e-9)


@wings
@each
def test_a_model_saved_in_one_wing_goes_on_in_the_others(wing, name, tmp_path):
    """With its running statistics: the evaluation is the same."""
    net = model(wing, name)
    wing.layers.load_parameters(net, start(name))
    x, y = batch(wing, name)
    gradients(wing, net, x, y)  # moves the running statistics
    path = save(tmp_path / "model.safetensors", wing.layers.read_parameters(net))
    expected = wing.training.predict(net, x)
    for other in WINGS:
        copied = model(other, name)
        other.layers.load_parameters(copied, load(path))
        found = other.training.predict(copied, batch(other, name)[0])
        assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_published_sizes():
    """LeNet-5 without its table of connections, and table 6 of He et al. 2016."""
    assert count(initial_parameters(LeNetConfig(), 0)) == 61_706
    trained = {20: 0.27e6, 32: 0.46e6, 44: 0.66e6, 56: 0.85e6, 110: 1.7e6}
    for depth, published in trained.items():
        named = shapes(ResNetConfig(depth=depth))
        size = sum(np.prod(s) for key, s in named.items() if "running" not in key)
        # The paper gives two digits; half of the last is 3 % of 1.7.
        assert size == pytest.approx(published, rel=0.03, abs=0)
        layers = [s for k, s in named.items() if k.endswith("weight") and len(s) > 1]
        assert len(layers) == depth
    digits = LeNetConfig(image_shape=(8, 8, 1), kernel_size=3, paddings="same")
    assert digits.widths == (64, 120, 84, 10)


WRONG = {
    "depth": (ResNetConfig, {"depth": 18}, "depth must be 6 n . 2, got 18"),
    "shortcut": (ResNetConfig, {"shortcut": "none"}, "shortcut must be one of"),
    "image": (ResNetConfig, {"image_shape": (32, 32)}, "must be .height, width"),
    "momentum": (ResNetConfig, {"norm_momentum": 2}, "norm_momentum must be at most"),
    "small": (LeNetConfig, {"image_shape": (8, 8, 1)}, "must fit into the padded"),
    "none": (LeNetConfig, {"channels": ()}, "at least one convolution"),
    "paddings": (LeNetConfig, {"paddings": ("same",)}, "one for each convolution"),
    "pooling": (LeNetConfig, {"pooling": "sum"}, "pooling must be one of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_configs_refuse_what_does_not_fit(case):
    kind, options, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        kind(**options)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
@pytest.mark.usefixtures("float64")
def test_keras_models_save_compile_and_fit(tmp_path):
    net = model(TENSORFLOW, "ResNet, projected")
    x, y = batch(TENSORFLOW, "ResNet, projected")
    before = TENSORFLOW.layers.read_parameters(net)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.SGD(0.01), loss)
    net.fit(x, y, epochs=1, batch_size=13, verbose=0)
    for key, array in TENSORFLOW.layers.read_parameters(net).items():
        assert np.abs(array - before[key]).max() > 1e-8  # running statistics too
    net.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    assert again.config == net.config
    assert_array_equal(again(x), net(x))


@pytest.mark.parametrize("name", ["LeNet, averages", "ResNet"])
def test_keras_models_compile_with_xla(name):
    net, (x, _) = model(TENSORFLOW, name), batch(TENSORFLOW, name)
    compiled = tf.function(net, jit_compile=True)(x)
    # XLA orders its sums in its own way.
    assert_allclose(compiled, net(x), rtol=1e-9, atol=1e-11)


def test_keras_layers_are_made_again_from_their_config():
    c = TENSORFLOW.convolution
    conv = c.Conv2d(6, 12, (3, 2), 2, "same", (1, 2), 3, bias=False, seed=5)
    again = c.Conv2d.from_config(conv.get_config())
    x = np.random.default_rng(0).normal(size=(2, 7, 7, 6)).astype("float32")
    assert_array_equal(again(x), conv(x))
    norm = c.BatchNorm2d(6, eps=0.5, momentum=0.75)
    again = c.BatchNorm2d.from_config(norm.get_config())
    assert_array_equal(again(x, training=True), norm(x, training=True))
    assert_array_equal(again.running_mean, norm.running_mean)


def test_batch_norm_counts_when_the_size_is_known_late():
    """A compiled function of images of any size, with running statistics."""
    x, _ = batch(SCRATCH, "ResNet")
    norms = [TENSORFLOW.convolution.BatchNorm2d(2, dtype="float64") for _ in range(2)]
    late = tf.TensorSpec((None, None, None, 2), tf.float64)
    compiled = tf.function(lambda x: norms[0](x, training=True), input_signature=[late])
    # The same numbers, in sums that the compiled function may order in its own way.
    assert_allclose(compiled(x), norms[1](x, training=True), rtol=1e-12, atol=1e-13)
    found, expected = (n.running_variance.numpy() for n in norms)
    assert_allclose(found, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["LeNet", "ResNet, projected"])
def test_torch_models_copy_and_change_dtype(name):
    net = model(PYTORCH, name)
    x, _ = batch(PYTORCH, name)
    x = torch.from_numpy(x)
    net(x)
    other = model(PYTORCH, name, seed=1)
    other.load_state_dict(net.state_dict())
    assert_array_equal(other.eval()(x).detach(), net.eval()(x).detach())
    copied = copy.deepcopy(net).to(torch.float32)
    single = copied(x.to(torch.float32)).detach()
    assert single.dtype == torch.float32
    # float32 has 7 digits, and there are up to 15 layers.
    assert_allclose(single, net(x).detach(), rtol=1e-3, atol=1e-4)
