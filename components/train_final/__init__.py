"""The step `train_final`."""
