"""How alike the heads of teacher and students attend to the same tokens.

Does: choose the examples, run every student beside the teacher and compare all heads. Does not:
judge; the analysis `attention_similarity` does.
"""
