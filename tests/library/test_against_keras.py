"""Every wing against TensorFlow's and Keras's own, constants passed explicitly."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from largemodels.configs import MLPConfig
from numpy.testing import assert_allclose, assert_array_equal
from wings import OPTIMIZERS, SCRATCH, TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
names = pytest.mark.parametrize("name", OPTIMIZERS)

# ours (name, options) -> TensorFlow's
FUNCTIONS = {
    "relu": ({}, tf.nn.relu),
    "sigmoid": ({}, tf.sigmoid),
    "tanh": ({}, tf.tanh),
    "softplus": ({}, tf.math.softplus),
    "silu": ({}, lambda x: tf.nn.silu(x, beta=1.0)),
    "softmax": ({"axis": 1}, lambda x: tf.nn.softmax(x, axis=1)),
    "log_softmax": ({"axis": 1}, lambda x: tf.nn.log_softmax(x, axis=1)),
    "logsumexp": ({"axis": 1}, lambda x: tf.reduce_logsumexp(x, axis=1)),
}


@wings
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(wing, name):
    options, theirs = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    x = 5 * rng.normal(size=(3, 5, 7))
    x[0, 0, :2] = 0.0, 30.0
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = theirs(given)
    cotangent = rng.normal(size=value.shape)
    gradient = tape.gradient(value, given, output_gradients=tf.constant(cotangent))

    def ours(x):
        return getattr(wing.functional, name)(x, **options)

    # A dozen roundings of numbers below 30.
    assert_allclose(wing.value(ours, x), value, rtol=2e-14, atol=1e-14)
    [found] = wing.pull(ours, cotangent, x)
    assert_allclose(found, gradient, rtol=1e-13, atol=1e-13)


@wings
@pytest.mark.parametrize("approximate", [True, False])
def test_gelu(wing, approximate):
    """To 1e-8 and no further: tf.nn.gelu rounds its constants to float32."""
    x = np.linspace(-5, 5, 101)
    ours = wing.value(lambda x: wing.functional.gelu(x, approximate=approximate), x)
    theirs = tf.nn.gelu(tf.constant(x), approximate=approximate).numpy()
    assert_allclose(ours, theirs, rtol=0, atol=5e-8)
    assert np.abs(ours - theirs).max() > 1e-10  # as the docstring says


LOSSES = {
    "mean_squared_error": lambda x, y: keras.losses.mean_squared_error(y, x),
    "binary_cross_entropy": lambda x, y: keras.losses.binary_crossentropy(
        y, x, from_logits=True
    ),
    "cross_entropy": lambda x, y: keras.losses.sparse_categorical_crossentropy(
        y, x, from_logits=True
    ),
}


@wings
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.usefixtures("float64")
def test_losses(wing, name):
    """Keras's give one number a row, and take the targets first."""
    rng = np.random.default_rng(0)
    x = 5 * rng.normal(size=(7, 5))
    y = rng.integers(0, 5, 7) if name == "cross_entropy" else rng.uniform(size=(7, 5))
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = tf.reduce_mean(LOSSES[name](given, tf.constant(y)))
    ours, targets = getattr(wing.losses, name), wing.tensor.tensor(y)
    assert_allclose(wing.value(ours, x, y), value, rtol=1e-14, atol=0)
    [found] = wing.pull(lambda x: ours(x, targets), np.array(1.0), x)
    assert_allclose(found, tape.gradient(value, given), rtol=1e-13, atol=1e-16)


def test_what_losses_say_of_keras():
    """Without from_logits=True scores are taken for probabilities."""
    z, y = np.array([[2.0, 0.5, 1.0]]), np.array([0])
    ours = SCRATCH.value(SCRATCH.losses.cross_entropy, z, y)
    theirs = float(keras.losses.sparse_categorical_crossentropy(y, z)[0])
    assert abs(theirs - ours) > 0.1


@wings
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_layer(wing, dtype):
    ours = wing.layers.Linear(5, 7, dtype=dtype, seed=3)
    dense = keras.layers.Dense(7, dtype=dtype)
    dense.build((None, 5))
    weight = wing.tensor.numpy(ours.weight)
    bias = np.linspace(-1, 1, 7, dtype=dtype)
    if wing.name == "pytorch":
        ours.bias.data = wing.tensor.tensor(bias)
    else:
        ours.bias.assign(bias)
    dense.bias.assign(bias)
    dense.kernel.assign(weight.T if wing.name == "pytorch" else weight)
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(dtype)
    # A sum of five products of numbers near 1, rounded by 6e-8 or 1e-16.
    tolerance = {"float32": 1e-6, "float64": 1e-14}[dtype]
    assert_allclose(wing.value(ours, x), dense(x), rtol=0, atol=tolerance)


def keras_path(optimizer, start, gradients, rates):
    w = keras.Variable(np.array(start), dtype="float64")
    optimizer.build([w])
    path = []
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([tf.constant(gradient, tf.float64)], [w])
        path.append(w.numpy())
    return np.array(path)


@wings
@pytest.mark.usefixtures("float64")
def test_gradient_descent_is_keras_sgd(wing):
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=5), rng.normal(size=(50, 5))
    rates = [0.1 / (1 + k) for k in range(50)]
    ours = wing.path(
        "GradientDescent", [start], [[g] for g in grads], rates, learning_rate=1.0
    )
    theirs = keras_path(
        keras.optimizers.SGD(learning_rate=1.0, momentum=0.0), start, grads, rates
    )
    assert_allclose([w for [w] in ours], theirs, rtol=0, atol=2e-15)


# Keras's own SGD rounds its momentum to float32 in whatever type it computes: 0.75 is
# the same in both.
MU = 0.75


@wings
@pytest.mark.parametrize("name", ["Momentum", "Nesterov"])
@pytest.mark.usefixtures("float64")
def test_momentum_is_keras_sgd_while_the_rate_is_constant(wing, name):
    rng = np.random.default_rng(0)
    start, grads = rng.normal(size=5), rng.normal(size=(50, 5))
    ours = wing.path(
        name, [start], [[g] for g in grads], learning_rate=0.1, momentum=MU
    )
    sgd = keras.optimizers.SGD(
        learning_rate=0.1, momentum=MU, nesterov=name == "Nesterov"
    )
    theirs = keras_path(sgd, start, grads, [0.1] * 50)
    # Fifty steps of a few roundings of numbers below 10.
    assert_allclose([w for [w] in ours], theirs, rtol=0, atol=2e-14)


@wings
@pytest.mark.usefixtures("float64")
def test_momentum_parts_from_keras_where_the_rate_changes(wing):
    """Gradients 1, 1, 0, 0 with rates 0.1, 0.1, 0.01, 0.01 and momentum 3/4.

    Ours: velocities 1, 1.75, 1.3125, 0.984375, and each step is the rate times that.
    Keras's velocity has the old rate in it, and so have its steps.
    """
    grads, rates = [1.0, 1.0, 0.0, 0.0], [0.1, 0.1, 0.01, 0.01]
    ours = wing.path(
        "Momentum",
        [np.array([1.0])],
        [[np.array([g])] for g in grads],
        rates,
        learning_rate=1.0,
        momentum=MU,
    )
    sgd = keras.optimizers.SGD(learning_rate=1.0, momentum=MU, nesterov=False)
    theirs = keras_path(sgd, [1.0], [[g] for g in grads], rates)
    expected = 1 - np.cumsum([0.1, 0.175, 0.013125, 0.00984375])
    assert_allclose(np.ravel(ours), expected, rtol=0, atol=1e-15)
    expected = 1 - np.cumsum([0.1, 0.175, 0.13125, 0.0984375])
    assert_allclose(np.ravel(theirs), expected, rtol=0, atol=1e-15)


CONFIG = MLPConfig(d_in=3, hidden=(5,), num_classes=2)


def data(n=32):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 3)).astype("float32")
    return x, (x.sum(1) > 0).astype("int64")


@pytest.mark.parametrize("name", ["GradientDescent", "Momentum"])
def test_compile_and_fit(name):
    """Models and optimizers are Keras's: fit, evaluate, predict."""
    x, y = data()
    model = TENSORFLOW.layers.MLP(CONFIG)
    optimizer = getattr(TENSORFLOW.optimizers, name)(learning_rate=0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, epochs=30, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    found = TENSORFLOW.training.evaluate(model, x, y)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert found["loss"] == pytest.approx(loss, rel=1e-5, abs=0)
    assert found["accuracy"] == pytest.approx(accuracy, rel=1e-6, abs=0)
    assert_allclose(
        model.predict(x, verbose=0),
        TENSORFLOW.training.predict(model, x),
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
def test_a_whole_model_is_saved_and_loaded(tmp_path):
    """Architecture, weights and the optimizer with its velocities."""
    x, y = data()
    model = TENSORFLOW.layers.MLP(CONFIG, seed=5)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = TENSORFLOW.optimizers.Momentum(learning_rate=0.1, momentum=0.75)
    model.compile(optimizer=optimizer, loss=loss)
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(other, TENSORFLOW.layers.MLP)
    assert other.config == CONFIG
    assert_array_equal(other(x), model(x))
    assert isinstance(other.optimizer, TENSORFLOW.optimizers.Momentum)
    assert other.optimizer.momentum == 0.75
    for ours, theirs in zip(
        other.optimizer.variables, optimizer.variables, strict=True
    ):
        assert_array_equal(ours.numpy(), theirs.numpy())
    model.fit(x, y, epochs=1, verbose=0, shuffle=False)
    other.fit(x, y, epochs=1, verbose=0, shuffle=False)
    assert_array_equal(other(x), model(x))


def test_configs_make_the_same_again():
    layer = TENSORFLOW.layers.Linear(3, 5, bias=False, dtype="float64", seed=4)
    again = TENSORFLOW.layers.Linear.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.dtype == "float64"
    assert_array_equal(again.weight.numpy(), layer.weight.numpy())
    model = TENSORFLOW.layers.MLP(CONFIG, dtype="float64", seed=4, name="net")
    other = TENSORFLOW.layers.MLP.from_config(model.get_config())
    assert other.get_config() == model.get_config()
    for a, b in zip(other.variables, model.variables, strict=True):
        assert a.dtype == "float64"
        assert_array_equal(a.numpy(), b.numpy())
    optimizer = TENSORFLOW.optimizers.Momentum(0.125, momentum=0.5, clipnorm=1.0)
    again = TENSORFLOW.optimizers.Momentum.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()


@names
def test_schedules_of_keras_work(name):
    """As where each rate is set by hand; the first two differ."""
    make = getattr(TENSORFLOW.optimizers, name)
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.5, 0.25])
    optimizer, by_hand = make(schedule), make(7.0)
    w, other = (keras.Variable(np.ones(1, "float32")) for _ in range(2))
    for rate in (0.5, 0.25):
        by_hand.learning_rate = rate
        optimizer.apply([tf.constant([1.0])], [w])
        by_hand.apply([tf.constant([1.0])], [other])
        assert_array_equal(w.numpy(), other.numpy())
        if name == "GradientDescent":
            assert w.numpy()[0] == rate
    again = make.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()


@names
def test_sparse_gradients_move_their_rows(name):
    """Rows of a table that was looked up; one twice. They equal the dense ones."""
    tables = []
    for dense in (False, True):
        table = keras.Variable(np.ones((3, 2), "float32"))
        optimizer = getattr(TENSORFLOW.optimizers, name)(learning_rate=0.5)
        for rows in ([2, 0, 2], [0]):
            with tf.GradientTape() as tape:
                value = tf.reduce_sum(tf.gather(table.value, rows) ** 2)
            gradient = tape.gradient(value, table.value)
            assert isinstance(gradient, tf.IndexedSlices)
            gradient = tf.convert_to_tensor(gradient) if dense else gradient
            optimizer.apply([gradient], [table])
        tables.append(table.numpy())
    assert_array_equal(tables[0], tables[1])
    if not getattr(optimizer, "weight_decay", None):
        assert_array_equal(tables[0][1], [1, 1])


def test_the_learning_rate_is_float32_unless_keras_is_set():
    """What the module says: 0.01 is 2e-10 off in float32."""
    rate = TENSORFLOW.optimizers.GradientDescent(0.01).learning_rate
    assert 1e-10 < abs(float(rate) - 0.01) < 3e-10


@pytest.mark.usefixtures("float64")
def test_the_learning_rate_is_float64_where_keras_is_set():
    assert float(TENSORFLOW.optimizers.GradientDescent(0.01).learning_rate) == 0.01


def test_what_value_and_grad_says_of_a_tape():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert_array_equal(tape.gradient(y, x), [2, 4])
