"""Convolution, pooling and batch norm: equal in all wings, and equal to definitions."""

import numpy as np
import pytest
from largemodels.geometry import convolution_matrix
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

IMAGE, KERNEL = (0, 3, 1, 2), (3, 2, 0, 1)  # where PyTorch has our axes


def to(wing, array, kind=IMAGE):
    """An array in the layout of a wing; vectors are the same in all."""
    first = wing.name == "pytorch" and array.ndim == 4
    return np.ascontiguousarray(array.transpose(kind)) if first else array


def back(wing, array, kind=IMAGE):
    first = wing.name == "pytorch" and array.ndim == 4
    return array.transpose(np.argsort(kind)) if first else array


def run(wing, function, cotangent, *arrays):
    """Value and gradients, in our layout; the second array is a kernel."""
    kinds = [IMAGE, KERNEL, None][: len(arrays)]
    given = [to(wing, a, k) for a, k in zip(arrays, kinds, strict=True)]
    value = wing.value(function, *given)
    if callable(cotangent):
        cotangent = cotangent(back(wing, value).shape)
    grads = wing.pull(function, to(wing, cotangent), *given)
    return back(wing, value), [
        back(wing, g, k) for g, k in zip(grads, kinds, strict=True)
    ]


def draw(shape):
    return np.random.default_rng(7).normal(size=shape)


# stride, padding, dilation, groups, (k_h, k_w)
GRID = {
    "plain": (1, 0, 1, 1, (3, 2)),
    "one": (1, 0, 1, 1, (1, 1)),
    "whole": (1, "valid", 1, 1, (11, 13)),
    "strides": ((2, 3), 0, 1, 1, (3, 5)),
    "padding": (1, (2, 1), 1, 1, (3, 2)),
    "more padding than window": (2, 4, 1, 1, (2, 3)),
    "same": (1, "same", 1, 1, (2, 5)),
    "same with a stride": ((3, 2), "same", 1, 1, (4, 3)),
    "same, dilated": (1, "same", (2, 3), 1, (3, 2)),
    "dilation": (1, 1, (3, 2), 1, (3, 2)),
    "dilation with a stride": (2, (1, 3), (2, 3), 1, (3, 3)),
    "groups": (1, 1, 1, 3, (3, 2)),
    "all": ((2, 1), (2, 1), (1, 2), 3, (3, 2)),
    "depthwise": (2, 1, 1, 6, (3, 3)),
    "depthwise with all": ((1, 2), "same", (2, 1), 6, (2, 3)),
}


def convolution(case):
    stride, padding, dilation, groups, window = GRID[case]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 11, 13, 6))
    w = rng.normal(size=(*window, 6 // groups, 12))
    options = {"stride": stride, "padding": padding}
    return (
        x,
        w,
        rng.normal(size=12),
        {**options, "dilation": dilation, "groups": groups},
    )


@others
@pytest.mark.parametrize("case", GRID)
def test_convolutions_agree(wing, case):
    *arrays, options = convolution(case)

    def conv(one):
        return lambda *a: one.convolution.conv2d(*a, **options)

    value, grads = run(wing, conv(wing), draw, *arrays)
    expected, expected_grads = run(SCRATCH, conv(SCRATCH), draw, *arrays)
    # Sums of at most 900 products of numbers near 1, in any order.
    assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
    for found, one in zip(grads, expected_grads, strict=True):
        assert_allclose(found, one, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", GRID)
def test_a_convolution_is_a_constrained_matrix(case):
    """z = M x, and the gradient goes back by its transpose."""
    x, w, bias, options = convolution(case)
    m = convolution_matrix(w, x.shape[1:], **options)
    value, (dx, _, db) = run(
        SCRATCH, lambda *a: SCRATCH.convolution.conv2d(*a, **options), draw, x, w, bias
    )
    expected = (x.reshape(2, -1) @ m.T).reshape(value.shape) + bias
    assert_allclose(value, expected, rtol=1e-12, atol=1e-12)
    g = draw(value.shape)
    assert_allclose(dx.reshape(2, -1), g.reshape(2, -1) @ m, rtol=1e-12, atol=1e-12)
    assert_allclose(db, g.sum((0, 1, 2)), rtol=1e-12, atol=1e-12)
    assert np.count_nonzero(m) <= w.size * np.prod(value.shape[1:3])


POOLS = {
    "side by side": (2, None, 0),
    "overlapping": ((3, 2), (2, 1), 0),
    "apart": (2, (3, 4), 0),
    "padded": (3, 2, 1),
    "padded by a pair": ((3, 5), 2, (1, 2)),
    "same": ((3, 2), 2, "same"),
    "same, side by side": (5, None, "same"),
}


@others
@pytest.mark.parametrize("case", POOLS)
@pytest.mark.parametrize("name", ["max_pool2d", "average_pool2d"])
def test_pooling_agrees(wing, name, case):
    """Also where many numbers are equal: the first of them gets the derivative."""
    x = np.random.default_rng(0).integers(-2, 2, (2, 11, 13, 5)).astype(float)

    def pool(one):
        return lambda x: getattr(one.convolution, name)(x, *POOLS[case])

    value, [grad] = run(wing, pool(wing), draw, x)
    expected, [expected_grad] = run(SCRATCH, pool(SCRATCH), draw, x)
    # Means of at most 25 small integers; sums of at most 9 numbers near 1.
    assert_allclose(value, expected, rtol=1e-14, atol=1e-15)
    assert_allclose(grad, expected_grad, rtol=1e-13, atol=1e-14)


@wings
def test_pooling_is_what_its_docstring_says(wing):
    x = np.arange(12.0).reshape(1, 3, 4, 1) * [[[[1.0, -1.0]]]]
    c = wing.convolution
    value, [grad] = run(wing, lambda x: c.max_pool2d(x, 2, 1, 1), draw, x)
    assert value.shape == (1, 4, 5, 2)
    assert_array_equal(value[0, 0, :, 0], [0, 1, 2, 3, 3])
    assert_array_equal(value[0, 0, :, 1], [0, 0, -1, -2, -3])  # padding never wins
    assert_allclose(grad.sum(), draw(value.shape).sum(), rtol=1e-13, atol=0)
    value, _ = run(wing, lambda x: c.average_pool2d(x, 2, 1, 1), draw, x)
    assert_array_equal(value[0, :2, :2, 0], [[0, 0.5], [2, 2.5]])  # nor does it count
    value, [grad] = run(wing, c.global_average_pool2d, draw, x)
    assert_allclose(value, x.mean((1, 2)), rtol=1e-15, atol=0)
    assert_allclose(
        grad, np.broadcast_to(draw((1, 2)) / 12, x.shape), rtol=1e-15, atol=0
    )


def normalized():
    rng = np.random.default_rng(0)
    x = 3 * rng.normal(size=(2, 5, 7, 3)) + rng.normal(size=3)
    mean, variance = rng.normal(size=3), rng.uniform(0.5, 2, 3)
    return x, rng.normal(size=3), rng.normal(size=3), mean, variance


@wings
def test_batch_norm_of_the_batch(wing):
    """Against the formula; gradients against scratch, whose own are composed below."""
    x, weight, bias, *_ = normalized()

    def norm(one):
        return lambda x, w, b: one.convolution.batch_norm(x, w, b, eps=0.25)

    value, grads = run(wing, norm(wing), draw, x, weight, bias)
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    expected = (x - mean) / np.sqrt(variance + 0.25) * weight + bias
    assert_allclose(value, expected, rtol=1e-12, atol=1e-13)
    _, reference = run(SCRATCH, norm(SCRATCH), draw, x, weight, bias)
    for found, one in zip(grads, reference, strict=True):
        assert_allclose(found, one, rtol=1e-11, atol=1e-13)


@wings
def test_batch_norm_of_given_statistics(wing):
    x, weight, bias, mean, variance = normalized()
    given = tuple(map(wing.tensor.tensor, (mean, variance)))
    given = (mean, variance) if wing is SCRATCH else given

    def norm(x, w, b):
        return wing.convolution.batch_norm(x, w, b, given, 0.25)

    value, (dx, dw, db) = run(wing, norm, draw, x, weight, bias)
    slope = 1 / np.sqrt(variance + 0.25)
    standard, g = (x - mean) * slope, draw(x.shape)
    assert_allclose(value, standard * weight + bias, rtol=1e-12, atol=1e-13)
    assert_allclose(dx, g * slope * weight, rtol=1e-12, atol=1e-14)
    assert_allclose(dw, (g * standard).sum((0, 1, 2)), rtol=1e-11, atol=1e-12)
    assert_allclose(db, g.sum((0, 1, 2)), rtol=1e-12, atol=1e-13)


def layer(wing, kind, *arguments, **options):
    return getattr(wing.convolution, kind)(*arguments, dtype="float64", **options)


def mode(wing, layer, training):
    """The layer as a function of images, in training or not."""
    if wing.name == "tf":
        return lambda x: layer(x, training=training)
    return layer.train(training)


@wings
def test_running_statistics(wing):
    """(1 - momentum) old + momentum new, with the variance over n - 1."""
    x, *_ = normalized()
    norm = layer(wing, "BatchNorm2d", 3, eps=0.25, momentum=0.2)
    mean, variance = np.zeros(3), np.ones(3)
    for batch in (x, 2 * x + 1):
        value = wing.value(mode(wing, norm, True), to(wing, batch))
        mean = 0.8 * mean + 0.2 * batch.mean((0, 1, 2))
        variance = 0.8 * variance + 0.2 * batch.var((0, 1, 2), ddof=1)
    assert_allclose(wing.tensor.numpy(norm.running_mean), mean, rtol=1e-14, atol=1e-15)
    found = wing.tensor.numpy(norm.running_variance)
    assert_allclose(found, variance, rtol=1e-14, atol=0)
    own = (batch - batch.mean((0, 1, 2))) / np.sqrt(batch.var((0, 1, 2)) + 0.25)
    assert_allclose(back(wing, value), own, rtol=1e-12, atol=1e-13)
    value = wing.value(mode(wing, norm, False), to(wing, x))
    expected = (x - mean) / np.sqrt(variance + 0.25)
    assert_allclose(back(wing, value), expected, rtol=1e-12, atol=1e-13)
    assert_array_equal(wing.tensor.numpy(norm.running_variance), found)  # only looked


WRONG = {
    "channels": (lambda c, x, w: c.conv2d(x, w, groups=2), "must be .B, height, width"),
    "groups": (lambda c, x, w: c.conv2d(x, w, groups=7), "a multiple of 7, got 12"),
    "axes": (lambda c, x, w: c.conv2d(x[0], w), "images must be"),
    "padding": (lambda c, x, w: c.conv2d(x, w, padding="full"), "padding must be one"),
    "window": (lambda c, x, w: c.conv2d(x, w, dilation=4), "must fit into the padded"),
    "stride": (lambda c, x, w: c.conv2d(x, w, stride=0), "stride must be at least 1"),
    "pair": (lambda c, x, w: c.conv2d(x, w, stride=(1, 2, 3)), "one integer or two"),
    "pool": (lambda c, x, w: c.max_pool2d(x, 2, padding=2), "at most half"),
    "average": (lambda c, x, w: c.average_pool2d(x, (2, 17)), "must fit into"),
    "flat": (lambda c, x, w: c.global_average_pool2d(x[0]), "images must be"),
}


@wings
@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused(wing, case):
    call, message = WRONG[case]
    x, w = np.ones((2, 6, 6, 6)), np.ones((3, 3, 6, 12))

    images = wing.tensor.tensor(to(wing, x))
    weight = wing.tensor.tensor(to(wing, w, KERNEL))
    with pytest.raises(ValueError, match=message):
        call(wing.convolution, images, weight)


@wings
def test_layers_refuse_what_their_docstrings_say(wing):
    c = wing.convolution
    with pytest.raises(ValueError, match="multiples of groups, got 6, 5 and 3"):
        c.Conv2d(6, 5, 3, groups=3)
    same = wing.tensor.tensor(np.ones((6, 6, 6, 6)))
    with pytest.raises(TypeError, match="stride must be an integer"):
        c.conv2d(same, same, stride=1.5)
    norm = layer(wing, "BatchNorm2d", 3)
    with pytest.raises(ValueError, match="at least two numbers a channel"):
        wing.value(mode(wing, norm, True), to(wing, np.ones((1, 1, 1, 3))))
    for training in (True, False):
        with pytest.raises(ValueError, match="must be"):
            wing.value(mode(wing, norm, training), to(wing, np.ones((2, 4, 4, 5))))
    with pytest.raises(ValueError, match="momentum must be at most 1"):
        c.BatchNorm2d(3, momentum=1.5)


@wings
def test_layers_are_their_functions(wing):
    x, w, _, options = convolution("all")
    conv = layer(wing, "Conv2d", 6, 12, (3, 2), seed=3, **options)
    start = back(wing, wing.tensor.numpy(conv.weight), KERNEL)
    expected = np.random.default_rng(3).standard_normal(w.shape) / np.sqrt(6)
    assert_allclose(start, expected, rtol=1e-15, atol=0)  # 2 / fan_in = 2 / 12
    assert_array_equal(wing.tensor.numpy(conv.bias), np.zeros(12))
    found = back(wing, wing.value(conv, to(wing, x)))
    plain = SCRATCH.convolution.conv2d(x, start, **options)
    assert_allclose(found, plain, rtol=1e-13, atol=1e-13)
    assert layer(wing, "Conv2d", 6, 12, 3, bias=False).bias is None
