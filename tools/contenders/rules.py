"""Updates of ten million parameters: AdamW, and gradient descent with momentum."""

from functools import partial

import numpy as np
from largemodels import parameters
from largemodels.configs import TransformerConfig

from tools.contenders.timing import Group, Row

# The shapes of a real model: 10.75 million parameters in 77 arrays.
SIZES = TransformerConfig(
    vocab_size=65, context_length=256, num_layers=6, d_model=384, num_heads=6
)
RATE = 1e-3
ADAMW = {"beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8, "weight_decay": 0.01}
MOMENTUM = {"momentum": 0.9}
VARIANTS = {
    "single": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}


def contenders(config, rule):
    """The wings, torch.optim in its three forms, and keras.optimizers.

    rule: "AdamW" or "Momentum". The gradients stay the same, and are not small: the
    two places where Adam's epsilon may stand make no difference here.
    """
    shapes = parameters.shapes(config).values()
    rng = np.random.default_rng(0)
    given = [
        [0.1 * rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
        for _ in ("weights", "gradients")
    ]
    found = {
        "PyTorch wing": partial(pytorch_wing, rule, *given),
        "NumPy wing": partial(numpy_wing, rule, *given),
    }
    for form in VARIANTS:
        found[f"torch.optim, {form}"] = partial(torch_optim, rule, *given, form)
    found["TensorFlow wing, graph"] = partial(tf_wing, rule, *given)
    found["keras.optimizers, graph"] = partial(keras_optimizers, rule, *given)
    return found


def options_of(rule):
    """The constants of a rule, by the names that the wings have."""
    return {"learning_rate": RATE, **(ADAMW if rule == "AdamW" else MOMENTUM)}


def numpy_wing(rule, weights, gradients):
    """An update of largemodels.scratch."""
    from largemodels.scratch import optimizers, tensor

    params = [tensor.parameter(w) for w in weights]
    for p, g in zip(params, gradients, strict=True):
        p.grad = g
    optimizer = getattr(optimizers, rule)(params, **options_of(rule))

    def step():
        optimizer.step()
        return [params[i].data.flat[:3].copy() for i in (0, -1)]

    return step


def pytorch_wing(rule, weights, gradients):
    """An update of largemodels.pytorch."""
    from largemodels.pytorch import optimizers

    params = torch_parameters(weights, gradients)
    optimizer = getattr(optimizers, rule)(params, **options_of(rule))
    return torch_update(optimizer, params)


def torch_optim(rule, weights, gradients, form):
    """An update of torch.optim: parameter by parameter, in lists, or fused."""
    import torch

    params = torch_parameters(weights, gradients)
    if rule == "AdamW":
        options = {"betas": (ADAMW["beta_1"], ADAMW["beta_2"]), "eps": ADAMW["eps"]}
        options["weight_decay"] = ADAMW["weight_decay"]
        kind = torch.optim.AdamW
    else:
        kind, options = torch.optim.SGD, MOMENTUM
    return torch_update(kind(params, lr=RATE, **options, **VARIANTS[form]), params)


def torch_parameters(weights, gradients):
    """Parameters of PyTorch that have their gradients."""
    import torch

    params = [torch.nn.Parameter(torch.tensor(w)) for w in weights]
    for p, g in zip(params, gradients, strict=True):
        p.grad = torch.from_numpy(g)
    return params


def torch_update(optimizer, params):
    """The update, and three numbers of the first parameter and the last."""

    def step():
        optimizer.step()
        return [params[i].detach().flatten()[:3].tolist() for i in (0, -1)]

    return step


def tf_wing(rule, weights, gradients):
    """An update of largemodels.tf, compiled."""
    from largemodels.tf import optimizers

    optimizer = getattr(optimizers, rule)(**options_of(rule))
    return keras_update(optimizer, weights, gradients)


def keras_optimizers(rule, weights, gradients):
    """An update of keras.optimizers, compiled."""
    import keras

    if rule == "AdamW":
        optimizer = keras.optimizers.AdamW(
            RATE,
            beta_1=ADAMW["beta_1"],
            beta_2=ADAMW["beta_2"],
            epsilon=ADAMW["eps"],
            weight_decay=ADAMW["weight_decay"],
        )
    else:
        optimizer = keras.optimizers.SGD(RATE, **MOMENTUM)
    return keras_update(optimizer, weights, gradients)


def keras_update(optimizer, weights, gradients):
    """The update as a graph."""
    import keras
    import tensorflow as tf

    variables = [keras.Variable(w) for w in weights]
    gradients = [tf.constant(g) for g in gradients]
    optimizer.build(variables)

    @tf.function
    def update(gradients):
        optimizer.apply(gradients, variables)
        first, last = (tf.reshape(variables[i].value, (-1,)) for i in (0, -1))
        return first[:3], last[:3]

    return lambda: [part.numpy() for part in update(gradients)]


def rows(config):
    """Each wing against the optimizers of its framework."""
    torch, theirs = "PyTorch wing", "torch.optim"
    found = [
        Row(f"{torch} / {theirs}, {form}", torch, f"{theirs}, {form}")
        for form in VARIANTS
    ]
    keras, ours = "keras.optimizers, graph", "TensorFlow wing, graph"
    return (
        *found,
        Row(f"NumPy wing / {theirs}, single", "NumPy wing", f"{theirs}, single"),
        Row("TensorFlow wing / keras, graph", ours, keras),
    )


def group(name, title, rule):
    """The group of one rule."""
    return Group(
        name,
        f"{title} on 10.8 million parameters",
        lambda sizes: contenders(sizes, rule),
        SIZES,
        rows,
        steps=3,
        why="three steps a turn: NumPy takes 0.05 s and more for each",
        value=np.asarray,
    )


GROUPS = (
    group("adamw", "AdamW", "AdamW"),
    group("sgd", "SGD with momentum", "Momentum"),
)
