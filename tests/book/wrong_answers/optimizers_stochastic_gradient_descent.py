"""Typical wrong answers to the exercises of the page on stochastic gradient descent."""


def _edge_of_the_whole(x, batch_size):
    return 2 / (x**2).mean()


def _largest_example(x, batch_size):
    return 2 / (x**2).max()


def _fourth_moment_alone(x, batch_size):
    return 2 * (x**2).mean() * batch_size / (x**4).mean()


def _pairs_not_counted(x, batch_size):
    curvature, fourth = (x**2).mean(), (x**4).mean()
    return 2 * curvature / (curvature**2 + fourth / batch_size)


def _small_rate_only(eigenvalues, variances, learning_rate, batch_size):
    return learning_rate / (4 * batch_size) * variances.sum()


def _distance_for_loss(eigenvalues, variances, learning_rate, batch_size):
    shares = variances / (eigenvalues * (2 - learning_rate * eigenvalues))
    return learning_rate / batch_size * shares.sum()


def _batch_squared(eigenvalues, variances, learning_rate, batch_size):
    shares = variances / (2 - learning_rate * eigenvalues)
    return learning_rate / (2 * batch_size**2) * shares.sum()


def _half_forgotten(eigenvalues, variances, learning_rate, batch_size):
    shares = variances / (2 - learning_rate * eigenvalues)
    return learning_rate / batch_size * shares.sum()


def _run(w, x, y, batches, rate, mean=True):
    for k, batch in enumerate(batches):
        gradient = (x[batch] @ w - y[batch]) @ x[batch]
        w = w - rate(k) * (gradient / len(batch) if mean else gradient)
    return w


def _counts_from_one(w, x, y, batches, mu, k0):
    return _run(w, x, y, batches, lambda k: 1 / (mu * (k + 1 + k0)))


def _sums(w, x, y, batches, mu, k0):
    return _run(w, x, y, batches, lambda k: 1 / (mu * (k + k0)), mean=False)


def _forgets_mu(w, x, y, batches, mu, k0):
    return _run(w, x, y, batches, lambda k: 1 / (k + k0))


def _reads_everything(w, x, y, batches, mu, k0):
    for k in range(len(batches)):
        w = w - (x @ w - y) @ x / len(y) / (mu * (k + k0))
    return w


WRONG = {
    "edge-of-a-batch": [
        _edge_of_the_whole,
        _largest_example,
        _fourth_moment_alone,
        _pairs_not_counted,
    ],
    "noise-floor": [
        _small_rate_only,
        _distance_for_loss,
        _batch_squared,
        _half_forgotten,
    ],
    "decaying-sgd": [_counts_from_one, _sums, _forgets_mu, _reads_everything],
}
