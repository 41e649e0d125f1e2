"""Properties erased from the layers of every model, and what it says then.

Does: find labelled sentences and examples, and erase. Does not: judge; `analysis/causal_use` does.
"""
