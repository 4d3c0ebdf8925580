"""Data with fixed bytes: images, text, synthetic tasks, batches, verified downloads."""
