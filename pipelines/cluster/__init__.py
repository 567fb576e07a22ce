"""Searches on a cluster: submitted to Kubeflow Pipelines, followed, cancelled and scheduled."""
