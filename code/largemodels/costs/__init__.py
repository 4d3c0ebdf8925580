"""What models cost: parameters, arithmetic, memory, and the published record.

parameters  exact counts from a config, by part
compute     FLOPs of training and use, bytes of weights and training state, hours
hardware    peak rates and memory of accelerators, each with its source
models      published models: their configs beside what their papers say
chinchilla  the fifty models of the Chinchilla paper's Table A9
runs        published training runs: device hours and reported FLOPs
timeline    a history in numbers, from 1960

Framework-free: NumPy and the standard library.
"""
