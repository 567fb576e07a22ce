"""A network to ONNX."""

from nasflow.exporting.onnx import export_onnx, verify_onnx

__all__ = ["export_onnx", "verify_onnx"]
