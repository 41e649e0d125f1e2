"""Attribution methods as the field writes them.

Does: turn a method's name in files and options into the one that people read. Does not: know what
a method does; one that is not listed (another package's) keeps its name.
"""

from __future__ import annotations

_LABELS = {
    "deep_lift": "DeepLIFT",
    "gradient_x_input": "Gradient × Input",
    "integrated_gradients": "Integrated Gradients",
    "lime": "LIME",
    "occlusion": "Occlusion",
    "shap": "SHAP",
}


def method_label(name: str) -> str:
    """Return a method's name for people.

    >>> method_label("integrated_gradients"), method_label("random")
    ('Integrated Gradients', 'random')
    """
    return _LABELS.get(name, name)
