"""Large models from scratch to scale: one floor plan in NumPy, PyTorch, TensorFlow.

`largemodels.scratch`, `largemodels.pytorch` and `largemodels.tf` hold the same floors
under the same names; `configs`, `parameters`, `schedules`, `metrics`, `data` and
`costs` are shared and know no framework; `page` is what the book's pages use.
Importing this package imports nothing else.
"""

__version__ = "0.1.0"
