"""Probing classifiers on every layer of every model.

Does: find the sentences, read every model and its architecture with random weights once, fit all
probes, and say beforehand how long it takes. Does not: judge; `analysis/probing` does.
"""
