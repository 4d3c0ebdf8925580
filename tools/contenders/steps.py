"""The usual training step of each framework, for the contenders that share it."""

from tools.contenders.timing import Step

MODES = {"eager": None, "graph": False, "XLA": True}  # of TensorFlow: jit_compile


def wing_step(training, model, optimizer, x, y, **options) -> Step:
    """The step of a wing as it stands: its own train_step."""
    return lambda: training.train_step(model, optimizer, x, y, **options)


def torch_step(model, optimizer, loss, x, y, max_norm=None) -> Step:
    """The usual step of a model of torch.nn on two arrays, with clipping or without."""
    import torch

    def step():
        optimizer.zero_grad()
        value = loss(model(torch.from_numpy(x)), torch.from_numpy(y))
        value.backward()
        if max_norm is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        return value.item()

    return step


def keras_step(model, optimizer, loss, x, y, mode, clip=None) -> Step:
    """The usual step of a Keras model, under a tape.

    mode: one of MODES; clip: gradients -> gradients, or None
    """
    import tensorflow as tf

    def update(inputs, labels):
        with tf.GradientTape() as tape:
            value = loss(model(inputs), labels)
        variables = model.trainable_variables
        gradients = tape.gradient(value, variables)
        optimizer.apply(clip(gradients) if clip else gradients, variables)
        return value

    optimizer.build(model.trainable_variables)
    if MODES[mode] is not None:
        update = tf.function(update, jit_compile=MODES[mode])
    return lambda: float(update(tf.constant(x), tf.constant(y)))


def keras_cross_entropy():
    """Keras's own cross-entropy, with its arguments in the order of ours."""
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return lambda logits, labels: loss(labels, logits)
