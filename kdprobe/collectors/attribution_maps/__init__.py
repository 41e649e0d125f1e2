"""Attribution maps of teacher and students on train and on the compared split.

Does: choose the examples and measure how far the maps lie apart. Does not: compute maps;
`extract/attribution_gap.py` does.
"""
