"""A network to ONNX, and its latency measured."""

from nasflow.exporting.onnx import export_onnx, verify_onnx

__all__ = ["export_onnx", "verify_onnx"]
