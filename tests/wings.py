"""The one place where tests know three frameworks: arrays in, arrays out.

A test is written once, with NumPy arrays, for a wing it is given.
"""

import importlib

import numpy as np

FLOORS = ("tensor", "functional", "losses", "layers", "optimizers", "training")


class Wing:
    """What the three have in common; `name` is the folder of the wing."""

    name = ""

    def __repr__(self):
        return self.name

    def __getattr__(self, floor):
        """`wing.losses` is the module largemodels.<wing>.losses."""
        if floor not in FLOORS:
            raise AttributeError(floor)
        return importlib.import_module(f"largemodels.{self.name}.{floor}")

    def value(self, function, *arrays):
        """function(*arrays), as an array."""
        tensors = [self.tensor.tensor(a) for a in arrays]
        return self.tensor.numpy(function(*tensors))

    def pull(self, function, cotangent, *arrays):
        """The gradients of <cotangent, function(*arrays)> for each array."""
        c = self.tensor.tensor(cotangent)
        g = self.tensor.value_and_grad(lambda xs: self.total(function(*xs) * c))
        _, grads = g([self.tensor.tensor(a) for a in arrays])
        return [self.tensor.numpy(grad) for grad in grads]

    def path(self, optimizer, start, gradients, rates=None, **options):
        """Where an optimizer goes: values of each parameter after each step.

        start: arrays; gradients: for each step an array for each parameter, or None;
        rates: a learning rate for each step.
        """
        params = [self.variable(a) for a in start]
        chosen = self.make(optimizer, params, **options)
        trace = []
        for step, grads in enumerate(gradients):
            if rates is not None:
                self.set_rate(chosen, rates[step])
            self.apply(chosen, params, grads)
            trace.append([self.tensor.numpy(p) for p in params])
        return trace

    def make(self, optimizer, params, **options):
        """An optimizer of these parameters."""
        return getattr(self.optimizers, optimizer)(params, **options)

    def variable(self, array):
        return self.tensor.parameter(array)

    def set_rate(self, optimizer, rate):
        optimizer.learning_rate = rate

    def model(self, config, **options):
        """An MLP and what makes an optimizer for it."""
        return self.layers.MLP(config, **options)

    def optimizer_for(self, model, name, **options):
        return self.make(name, self.trainable(model), **options)

    def trainable(self, model):
        return list(model.parameters())


class Scratch(Wing):
    name = "scratch"

    def total(self, x):
        return x.sum()

    def apply(self, optimizer, params, grads):
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()

    def gradients(self, model, inputs, labels, loss="cross_entropy"):
        """The loss of a batch, and its gradient by canonical name."""
        x, y = self.tensor.tensor(inputs), self.tensor.tensor(labels)
        value = getattr(self.losses, loss)(model(x), y)
        value.backward()
        return value.item(), {name: p.grad for name, p in model.named_parameters()}


class PyTorch(Wing):
    name = "pytorch"

    def total(self, x):
        return x.sum()

    def set_rate(self, optimizer, rate):
        for group in optimizer.param_groups:
            group["lr"] = rate

    def apply(self, optimizer, params, grads):
        for p, g in zip(params, grads, strict=True):
            p.grad = None if g is None else self.tensor.tensor(g)
        optimizer.step()

    def gradients(self, model, inputs, labels, loss="cross_entropy"):
        """The loss of a batch, and its gradient by canonical name."""
        from largemodels.parameters import from_wing

        x, y = self.tensor.tensor(inputs), self.tensor.tensor(labels)
        value = getattr(self.losses, loss)(model(x), y)
        value.backward()
        named = model.named_parameters()
        return value.item(), {
            n: from_wing(n, p.grad.numpy(), "pytorch") for n, p in named
        }


class TF(Wing):
    name = "tf"

    def total(self, x):
        import tensorflow as tf

        return tf.reduce_sum(x)

    def make(self, optimizer, params, **options):
        chosen = getattr(self.optimizers, optimizer)(**options)
        chosen.build(params)
        return chosen

    def variable(self, array):
        import keras

        return keras.Variable(np.array(array), dtype=np.asarray(array).dtype.name)

    def apply(self, optimizer, params, grads):
        pairs = [(g, p) for g, p in zip(grads, params, strict=True) if g is not None]
        grads, params = zip(*pairs, strict=True)
        optimizer.apply([self.tensor.tensor(g) for g in grads], params)

    def trainable(self, model):
        return model.trainable_variables

    def gradients(self, model, inputs, labels, loss="cross_entropy"):
        """The loss of a batch, and its gradient by canonical name."""
        import tensorflow as tf

        x, y = self.tensor.tensor(inputs), self.tensor.tensor(labels)
        with tf.GradientTape() as tape:
            value = getattr(self.losses, loss)(model(x), y)
        names = list(self.layers.read_parameters(model))
        grads = tape.gradient(value, model.trainable_variables)
        return float(value), {n: g.numpy() for n, g in zip(names, grads, strict=True)}


SCRATCH, PYTORCH, TENSORFLOW = WINGS = (Scratch(), PyTorch(), TF())
OTHERS = WINGS[1:]  # those that are held against scratch
