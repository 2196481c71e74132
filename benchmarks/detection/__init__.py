"""Detectors against what is possible at all: causal replay, an exact oracle, peers in the same run."""
