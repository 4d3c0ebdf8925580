"""Convolution, pooling and batch norm against torch, Keras and SciPy, all constants
passed explicitly."""

import keras
import numpy as np
import pytest
import torch
from largemodels.configs import LeNetConfig
from numpy.testing import assert_allclose
from scipy import signal
from torch.nn import functional as F
from torch.testing._internal.common_methods_invocations import op_db
from wings import PYTORCH, SCRATCH, TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)


def last(array):
    """Images of PyTorch in our order."""
    return np.ascontiguousarray(np.moveaxis(np.asarray(array), 1, -1))


def kernel(array):
    return np.ascontiguousarray(np.asarray(array).transpose(2, 3, 1, 0))


def compare(ours, theirs, inputs, order):
    """Value and gradients of scratch against PyTorch's."""
    leaves = [t.detach().clone().requires_grad_() for t in inputs]
    expected = theirs(*leaves)
    g = np.random.default_rng(0).normal(size=tuple(expected.shape))
    slopes = torch.autograd.grad(expected, leaves, torch.from_numpy(g))
    given = [f(t.detach()) for f, t in zip(order, leaves, strict=True)]
    # Sums of at most a few hundred products of numbers below 10.
    found = SCRATCH.value(ours, *given)
    assert_allclose(found, last(expected.detach()), rtol=1e-12, atol=1e-11)
    pulled = SCRATCH.pull(ours, last(g), *given)
    for f, a, b in zip(order, pulled, slopes, strict=True):
        assert_allclose(a, f(b), rtol=1e-11, atol=1e-11)


def samples(name):
    [info] = [i for i in op_db if (i.name, i.variant_test_name) == (name, "")]
    for sample in info.sample_inputs("cpu", torch.float64):
        if sample.input.ndim == 4:
            yield sample


@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_convolutions_on_the_samples_of_torch():
    used = 0
    for sample in samples("nn.functional.conv2d"):
        tensors = [sample.input, *(t for t in sample.args if t is not None)]
        order = [last, kernel, np.asarray][: len(tensors)]
        compare(
            lambda *a, o=sample.kwargs: SCRATCH.convolution.conv2d(*a, **o),
            lambda *a, o=sample.kwargs: F.conv2d(*a, **o),
            tensors,
            order,
        )
        used += 1
    assert used == 15


def test_max_pooling_on_the_samples_of_torch():
    used = 0
    for sample in samples("nn.functional.max_pool2d"):
        o = sample.kwargs
        plain = o["dilation"] == 1 and not o["ceil_mode"] and not o["return_indices"]
        if not plain:
            continue
        compare(
            lambda x, o=o: SCRATCH.convolution.max_pool2d(
                x, o["kernel_size"], o["stride"], o["padding"]
            ),
            lambda x, o=o: F.max_pool2d(x, **o),
            [sample.input],
            [last],
        )
        used += 1
    assert used == 144


@pytest.mark.parametrize("padding", [0, 1, (1, 2)])
def test_average_pooling_against_torch(padding):
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 5, 11, 13)))
    compare(
        lambda x: SCRATCH.convolution.average_pool2d(x, (3, 4), 2, padding),
        lambda x: F.avg_pool2d(x, (3, 4), 2, padding, count_include_pad=False),
        [x],
        [last],
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("strides", "dilation"), [((2, 3), 1), (1, (3, 2))])
def test_convolution_against_keras(padding, strides, dilation):
    """Whose "same" is that of TensorFlow, for any stride."""
    theirs = keras.layers.Conv2D(
        6, (3, 2), strides, padding, dilation_rate=dilation, use_bias=True
    )
    x = np.random.default_rng(0).normal(size=(2, 11, 13, 5))
    expected = theirs(x).numpy()
    weight, bias = theirs.get_weights()
    found = SCRATCH.value(
        lambda *a: SCRATCH.convolution.conv2d(*a, strides, padding, dilation),
        x,
        weight,
        bias,
    )
    assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("mode", ["valid", "same"])
def test_one_channel_against_scipy(mode):
    """SciPy's convolution turns the window over; its correlation does not."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(11, 13)), rng.normal(size=(3, 5))
    found = SCRATCH.value(
        lambda x, w: SCRATCH.convolution.conv2d(x, w, padding=mode),
        x[None, :, :, None],
        w[:, :, None, None],
    )[0, :, :, 0]
    assert_allclose(found, signal.correlate2d(x, w, mode), rtol=1e-12, atol=1e-13)
    turned = signal.convolve2d(x, w[::-1, ::-1], mode)
    assert_allclose(found, turned, rtol=1e-12, atol=1e-13)


def images():
    return 2 * np.random.default_rng(0).normal(size=(3, 5, 7, 2)) + 1


def test_batch_norm_against_torch():
    """Momentum and the variance over n - 1 are as there."""
    x = images()
    theirs = torch.nn.BatchNorm2d(2, eps=0.01, momentum=0.3).double()
    ours = [
        wing.convolution.BatchNorm2d(2, eps=0.01, momentum=0.3, dtype="float64")
        for wing in (SCRATCH, PYTORCH)
    ]
    first = torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    for training in (True, True, False):
        expected = theirs.train(training)(first)
        found = SCRATCH.value(ours[0].train(training), x)
        assert_allclose(found, last(expected.detach()), rtol=1e-12, atol=1e-13)
        found = ours[1].train(training)(first)
        assert_allclose(found.detach(), expected.detach(), rtol=1e-12, atol=1e-13)
    for layer in ours:
        named = [layer.running_mean, layer.running_variance]
        expected = [theirs.running_mean, theirs.running_var]
        for mine, one in zip(named, expected, strict=True):
            assert_allclose(getattr(mine, "data", mine), one, rtol=1e-13, atol=1e-14)


@pytest.mark.usefixtures("float64")
def test_batch_norm_against_keras():
    """Its momentum is 1 minus ours, and its variance is divided by n."""
    x = images()
    theirs = keras.layers.BatchNormalization(momentum=0.7, epsilon=0.01)
    ours = TENSORFLOW.convolution.BatchNorm2d(
        2, eps=0.01, momentum=0.3, dtype="float64"
    )
    expected, found = theirs(x, training=True), ours(x, training=True)
    assert_allclose(found, expected, rtol=1e-11, atol=1e-12)
    assert_allclose(ours.running_mean, theirs.moving_mean, rtol=1e-13, atol=1e-14)
    n = x.size / 2
    new = (ours.running_variance.numpy() - 0.7) * (n - 1) / n + 0.7
    assert_allclose(new, theirs.moving_variance, rtol=1e-12, atol=1e-13)


@wings
def test_a_whole_network_against_torch(wing):
    """LeNet of torch.nn, whose flattening goes by channels first."""
    net = wing.convolution.LeNet(LeNetConfig(), dtype="float64", seed=1)
    named = wing.layers.read_parameters(net)
    parts = [torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Conv2d(6, 16, 5)]
    with torch.no_grad():
        for i, part in enumerate(parts):
            part.double()
            weight = named[f"convolutions.{i}.weight"].transpose(3, 2, 0, 1)
            part.weight.copy_(torch.tensor(weight.copy()))
            part.bias.copy_(torch.tensor(named[f"convolutions.{i}.bias"]))
    x = np.random.default_rng(0).normal(size=(2, 28, 28, 1))
    h = torch.from_numpy(np.moveaxis(x, -1, 1).copy())
    for part in parts:
        h = F.max_pool2d(F.relu(part(h)), 2)
    h = last(h.detach()).reshape(2, 400)
    for i in range(3):
        h = h @ named[f"layers.{i}.weight"] + named[f"layers.{i}.bias"]
        h = np.maximum(h, 0) if i < 2 else h
    given = np.moveaxis(x, -1, 1).copy() if wing is PYTORCH else x
    assert_allclose(wing.training.predict(net, given), h, rtol=1e-11, atol=1e-12)
