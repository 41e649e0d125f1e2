"""Minimal pairs, judged by every model.

Does: find the pairs that are asked for, or the embedded task's own, and ask every model about both
sentences of each. Does not: score; the analysis `minimal_pairs` does.
"""
