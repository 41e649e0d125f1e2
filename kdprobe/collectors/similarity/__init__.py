"""How alike the layers of teacher and students are on the same sentences.

Does: choose the sentences, read every model once and compare all pairs of layers. Does not: judge;
the analysis `similarity` does.
"""
