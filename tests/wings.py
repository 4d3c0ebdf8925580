"""The one place where tests know three frameworks: arrays in, arrays out.

A test is written once, with NumPy arrays, for the wing it is given. (The tests against
a framework's own functions, in tests/library, know that framework too.)
"""

import importlib

import numpy as np
from largemodels.parameters import from_wing

FLOORS = ("tensor", "functional", "losses", "layers")
FLOORS += ("convolution", "recurrent", "attention", "transformer", "generation")
FLOORS += ("optimizers", "training")


class Wing:
    """What all have in common. `name` is that of the folder in largemodels."""

    name = ""

    def __repr__(self):
        return self.name

    def __getattr__(self, floor):
        """wing.losses is largemodels.<wing>.losses, imported when it is asked for."""
        if floor not in FLOORS:
            raise AttributeError(floor)
        return importlib.import_module(f"largemodels.{self.name}.{floor}")

    # --- functions -------------------------------------------------------------------

    def value(self, function, *arrays):
        """function(*arrays)."""
        return self.tensor.numpy(function(*map(self.tensor.tensor, arrays)))

    def pull(self, function, cotangent, *arrays):
        """The gradient of <cotangent, function(*arrays)> for each of the arrays."""
        c = self.tensor.tensor(cotangent)
        g = self.tensor.value_and_grad(lambda xs: self.total(function(*xs) * c))
        _, grads = g([self.tensor.tensor(a) for a in arrays])
        return [self.tensor.numpy(grad) for grad in grads]

    def pull_all(self, model, function, cotangents, *arrays):
        """Gradients of the sum of <cotangent, output> over function(*arrays)'s outputs.

        Returns those for the arrays in a list, and those for the parameters of a model
        by canonical name.
        """
        for p in self.trainable(model):
            p.grad = None
        xs = [self.tensor.parameter(array) for array in arrays]
        self._paired(function(*xs), cotangents).backward()
        named = {name: p.grad for name, p in model.named_parameters()}
        return [self.tensor.numpy(x.grad) for x in xs], self._canonical(named)

    def _paired(self, outputs, cotangents):
        pairs = zip(outputs, map(self.tensor.tensor, cotangents), strict=True)
        return sum((self.total(y * c) for y, c in pairs), 0.0)

    def _canonical(self, named):
        return {
            name: from_wing(name, self.tensor.numpy(g), self.name)
            for name, g in named.items()
        }

    def untracked(self, function, *tensors, **options):
        """function of these tensors, where no gradient is recorded."""
        return function(*tensors, **options)

    def total(self, x):
        """The sum of all elements."""
        return x.sum()

    # --- models ----------------------------------------------------------------------

    def model(self, config, **options):
        """An MLP."""
        return self.layers.MLP(config, **options)

    def trainable(self, model):
        """The parameters of a model, as its optimizers take them."""
        return list(model.parameters())

    def gradients(self, model, inputs, labels):
        """The cross-entropy of a batch, and its gradients by canonical name."""
        x, y = self.tensor.tensor(inputs), self.tensor.tensor(labels)
        loss = self.losses.cross_entropy(model(x), y)
        loss.backward()
        grads = {
            name: from_wing(name, self.tensor.numpy(p.grad), self.name)
            for name, p in model.named_parameters()
        }
        return loss.item(), grads

    # --- optimizers ------------------------------------------------------------------

    def variable(self, array):
        """A parameter as optimizers take it."""
        return self.tensor.parameter(array)

    def make(self, optimizer, params, **options):
        """An optimizer of these parameters, by the name of its class."""
        return getattr(self.optimizers, optimizer)(params, **options)

    def optimizer_for(self, model, optimizer, **options):
        """An optimizer of a model's parameters."""
        return self.make(optimizer, self.trainable(model), **options)

    def set_rate(self, optimizer, rate):
        """Change the learning rate."""
        optimizer.learning_rate = rate

    def apply(self, optimizer, params, grads):
        """One step along these gradients; None is no gradient."""
        raise NotImplementedError

    def path(self, optimizer, start, gradients, rates=None, **options):
        """Where an optimizer goes: the value of each parameter after each step.

        start: arrays; gradients: for each step an array for each parameter, or None;
        rates: a learning rate for each step.
        """
        params = [self.variable(a) for a in start]
        optimizer = self.make(optimizer, params, **options)
        trace = []
        for step, grads in enumerate(gradients):
            if rates is not None:
                self.set_rate(optimizer, rates[step])
            self.apply(optimizer, params, grads)
            trace.append([self.tensor.numpy(p) for p in params])
        return trace


class Scratch(Wing):
    name = "scratch"

    def untracked(self, function, *tensors, **options):
        from largemodels.scratch.engine import no_grad

        with no_grad():
            return function(*tensors, **options)

    def apply(self, optimizer, params, grads):
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()


class PyTorch(Wing):
    name = "pytorch"

    def untracked(self, function, *tensors, **options):
        import torch

        with torch.no_grad():
            return function(*tensors, **options)

    def set_rate(self, optimizer, rate):
        for group in optimizer.param_groups:
            group["lr"] = rate

    def apply(self, optimizer, params, grads):
        for p, g in zip(params, grads, strict=True):
            p.grad = None if g is None else self.tensor.tensor(g)
        optimizer.step()


class TF(Wing):
    name = "tf"

    def total(self, x):
        import tensorflow as tf

        return tf.reduce_sum(x)

    def trainable(self, model):
        return model.trainable_variables

    def gradients(self, model, inputs, labels):
        import tensorflow as tf

        x, y = self.tensor.tensor(inputs), self.tensor.tensor(labels)
        with tf.GradientTape() as tape:
            loss = self.losses.cross_entropy(model(x), y)
        named = self.layers.named_variables(model)
        trainable = {name: v for name, v in named if v.trainable}
        grads = tape.gradient(loss, trainable)
        return float(loss), {
            name: from_wing(name, self.tensor.numpy(tf.convert_to_tensor(g)), self.name)
            for name, g in grads.items()  # that of a table's rows is not yet summed
        }

    def pull_all(self, model, function, cotangents, *arrays):
        import tensorflow as tf

        xs = [self.tensor.tensor(array) for array in arrays]
        named = dict(self.layers.named_variables(model))
        with tf.GradientTape() as tape:
            tape.watch(xs)
            value = self._paired(function(*xs), cotangents)
        of_arrays, of_parameters = tape.gradient(value, (xs, named))
        # What was taken from a table has a gradient of rows, not yet summed.
        dense = {name: tf.convert_to_tensor(g) for name, g in of_parameters.items()}
        return list(map(self.tensor.numpy, of_arrays)), self._canonical(dense)

    def variable(self, array):
        import keras

        array = np.asarray(array)
        return keras.Variable(array, dtype=array.dtype.name)

    def make(self, optimizer, params, **options):
        made = getattr(self.optimizers, optimizer)(**options)
        made.build(params)
        return made

    def apply(self, optimizer, params, grads):
        pairs = [(g, p) for g, p in zip(grads, params, strict=True) if g is not None]
        grads, params = zip(*pairs, strict=True)
        optimizer.apply([self.tensor.tensor(g) for g in grads], params)


SCRATCH, PYTORCH, TENSORFLOW = WINGS = (Scratch(), PyTorch(), TF())
OTHERS = WINGS[1:]  # those that are held against scratch
OPTIMIZERS = [name for name in SCRATCH.optimizers.__all__ if name[0].isupper()]
