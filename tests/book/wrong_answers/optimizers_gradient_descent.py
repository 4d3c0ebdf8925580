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


def _biased_scatter(shards, examples):
    mean = shards.mean(0)
    scatter = ((shards - mean) ** 2).sum(1).mean()
    return examples * scatter / (mean @ mean - scatter / len(shards))


def _noise_left_in_the_mean(shards, examples):
    mean = shards.mean(0)
    scatter = ((shards - mean) ** 2).sum() / (len(shards) - 1)
    return examples * scatter / (mean @ mean)


def _counts_shards_for_examples(shards, examples):
    mean = shards.mean(0)
    scatter = ((shards - mean) ** 2).sum() / (len(shards) - 1)
    return scatter / (mean @ mean - scatter / len(shards))


WRONG = {
    "batch-covariance": [
        _with_replacement,
        _nearly_the_correction,
        _sample_covariance,
        _only_the_trace,
    ],
    "noise-scale-of-shards": [
        _biased_scatter,
        _noise_left_in_the_mean,
        _counts_shards_for_examples,
    ],
}
