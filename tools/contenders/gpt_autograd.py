"""The small GPT written on HIPS autograd: NumPy with the gradient found for it."""

import numpy as np
from largemodels.parameters import initial_parameters


def hips_autograd(config, x, y, options, max_norm):
    """A step of the GPT on autograd.numpy, with clipping and AdamW in NumPy.

    options: the constants of AdamW, by the names that the wings have
    """
    from autograd import value_and_grad

    params = initial_parameters(config, seed=0, dtype="float32")
    evaluate = value_and_grad(loss)
    state = {name: (np.zeros_like(a), np.zeros_like(a)) for name, a in params.items()}
    count = 0

    def step():
        nonlocal count
        count += 1
        with np.errstate(over="ignore"):  # its tanh squares a cosh; 1 / inf is right
            value, gradients = evaluate(params, config.filled, x, y)
        clip(gradients, max_norm)
        for name, w in params.items():
            adamw(w, gradients[name], *state[name], count, **options)
        return float(value)

    return step


def loss(params, c, x, y):
    """The mean cross-entropy of the model's logits, over all positions."""
    import autograd.numpy as anp

    rows = logits(params, c, x).reshape((-1, c.vocab_size))
    rows = rows - anp.max(rows, axis=1, keepdims=True)
    chosen = rows[np.arange(len(rows)), y.ravel()]
    return anp.mean(anp.log(anp.sum(anp.exp(rows), axis=1)) - chosen)


def logits(params, c, tokens):
    """(B, T) -> (B, T, V): blocks of attention and feed-forward, norms before each."""
    embedding = params["token_embedding.weight"]
    h = embedding[tokens] + params["position_embedding.weight"][: tokens.shape[1]]
    for i in range(c.num_layers):
        block = f"blocks.{i}."
        h = h + attention(
            params, block, c, norm(params, block + "attention_norm", c, h)
        )
        inner = norm(params, block + "feed_forward_norm", c, h)
        inner = gelu(linear(params, block + "feed_forward.up", inner))
        h = h + linear(params, block + "feed_forward.down", inner)
    h = norm(params, "final_norm", c, h)
    return matmul(h, embedding.T)


def attention(params, block, c, x):
    """Causal attention in several heads."""
    import autograd.numpy as anp

    batch, time, _ = x.shape

    def heads(name):
        projected = linear(params, f"{block}attention.{name}", x)
        shape = batch, time, c.num_heads, c.head_width
        return anp.transpose(anp.reshape(projected, shape), (0, 2, 1, 3))

    q, k, v = map(heads, ("query", "key", "value"))
    scale = np.float32(c.head_width**-0.5)
    scores = anp.matmul(q, anp.transpose(k, (0, 1, 3, 2))) * scale
    ahead = np.triu(np.full((time, time), -np.inf, np.float32), 1)
    scores = scores + ahead
    scores = anp.exp(scores - anp.max(scores, axis=-1, keepdims=True))
    weights = scores / anp.sum(scores, axis=-1, keepdims=True)
    mixed = anp.transpose(anp.matmul(weights, v), (0, 2, 1, 3))
    mixed = anp.reshape(mixed, (batch, time, -1))
    return linear(params, f"{block}attention.output", mixed)


def linear(params, name, x):
    """x W + b, with the positions of all sequences as rows of one matrix."""
    return matmul(x, params[f"{name}.weight"]) + params[f"{name}.bias"]


def matmul(x, weight):
    """(B, T, D) times (D, F) as one product of matrices."""
    import autograd.numpy as anp

    flat = anp.dot(anp.reshape(x, (-1, x.shape[-1])), weight)
    return anp.reshape(flat, (*x.shape[:-1], -1))


def norm(params, name, c, x):
    """Layer norm."""
    import autograd.numpy as anp

    x = x - anp.mean(x, axis=-1, keepdims=True)
    variance = anp.mean(x * x, axis=-1, keepdims=True)
    x = x / anp.sqrt(variance + np.float32(c.norm_eps))
    return x * params[f"{name}.weight"] + params[f"{name}.bias"]


def gelu(x):
    """GELU in its tanh form."""
    import autograd.numpy as anp

    root = np.float32((2 / np.pi) ** 0.5)
    cubed = x * x * x
    inside = root * (x + np.float32(0.044715) * cubed)
    return np.float32(0.5) * x * (1 + anp.tanh(inside))


def clip(gradients, max_norm):
    """Scale all gradients by one factor, in place."""
    squares = sum(float(np.vdot(g, g)) for g in gradients.values())
    factor = min(1.0, max_norm / (squares**0.5 + 1e-6))
    for g in gradients.values():
        g *= np.float32(factor)


def adamw(
    w, g, m, v, count, *, learning_rate, beta_1, beta_2, eps, weight_decay
) -> None:
    """AdamW's update of a parameter and its moments, in place."""
    w *= 1 - learning_rate * weight_decay
    m += (1 - beta_1) * (g - m)
    v += (1 - beta_2) * (g * g - v)
    root = np.sqrt(v / (1 - beta_2**count)) + eps
    w -= learning_rate / (1 - beta_1**count) * m / root
