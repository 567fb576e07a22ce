"""The step `train_candidates`."""
