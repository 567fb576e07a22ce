"""Convolutional networks of stages of blocks."""
