"""Who is timed against whom: one module for each part of the benchmark.

Every module has contenders(sizes), which returns {name: function without arguments that
sets a contender up and returns its step}, and GROUPS. Steps that start from the same
numbers return equal values, or are not compared.
"""
