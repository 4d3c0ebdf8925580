"""Typical wrong answers to the exercises of the page on gradient descent."""


def _covariance(gradients):
    centered = gradients - gradients.mean(0)
    return centered.T @ centered / len(gradients)


def _with_replacement(gradients, batch_size):
    return _covariance(gradients) / batch_size


def _nearly_the_correction(gradients, batch_size):
    n = len(gradients)
    return _covariance(gradients) / batch_size * (n - batch_size) / n


def _sample_covariance(gradients, batch_size):
    n = len(gradients)
    sample = _covariance(gradients) * n / (n - 1)
    return sample / batch_size * (n - batch_size) / (n - 1)


def _only_the_trace(gradients, batch_size):
    n = len(gradients)
    total = (_covariance(gradients)).diagonal().sum()
    return total / batch_size * (n - batch_size) / (n - 1)


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
    "batch-covariance": [
        _with_replacement,
        _nearly_the_correction,
        _sample_covariance,
        _only_the_trace,
    ],
    "noise-floor": [
        _small_rate_only,
        _distance_for_loss,
        _batch_squared,
        _half_forgotten,
    ],
    "decaying-sgd": [_counts_from_one, _sums, _forgets_mu, _reads_everything],
}
