"""Word scores of every compared model.

Does: choose the sentences, find what all models read of them, and explain each model (and, for
ceiling and floor, a second seed, a second run and a model of random weights). Does not: explain or
compare; `extract/` and `analysis/` do.
"""
