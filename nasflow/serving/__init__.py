"""What answers requests with a registered model.

It imports nothing of nasflow: a copy of it travels inside each model.
"""
