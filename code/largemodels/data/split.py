"""A data set in two parts, one to learn from and one to be judged by."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Split:
    """Training and test examples as NumPy arrays.

    inputs: (n, ...) floats, labels: (n,) int64. Raises ValueError where inputs and
    labels are not equally many or the two parts have examples of different shapes.
    """

    train_inputs: np.ndarray
    train_labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray

    def __post_init__(self):
        for part in ("train", "test"):
            inputs = getattr(self, f"{part}_inputs")
            labels = getattr(self, f"{part}_labels")
            if labels.ndim != 1 or len(inputs) != len(labels):
                raise ValueError(
                    f"{part} part needs one label for each input, got inputs "
                    f"{inputs.shape} and labels {labels.shape}"
                )
        if self.train_inputs.shape[1:] != self.test_inputs.shape[1:]:
            raise ValueError(
                "training and test examples must have one shape, got "
                f"{self.train_inputs.shape[1:]} and {self.test_inputs.shape[1:]}"
            )
