"""The search pipeline: from data to a registered model."""
