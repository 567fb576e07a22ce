"""A trial on a device: the recipe, the loop, and the pool of workers that trains many.

Importing this package or `nasflow.training.pool` needs no torch: the worker processes import it.
"""
