"""Models of the hub: which of a repository's files are fetched, and what to say when none is.

Does: ask `huggingface_hub` for the files of one model. Does not: look into them. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kdprobe.foreign import said
from kdprobe.models.weights import ADAPTER, INDEX

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
)
_GRAPHS = ("model.onnx", "onnx/model.onnx")
"""Where Optimum puts the graph of a model."""


def fetched(path: str, *, offline: bool, graph: str | None) -> Path:
    """Fetch a hub model's config, tokenizer, and its weights or one graph.

    A repository may hold a graph in a dozen precisions: only that which is opened is fetched, with
    the file of its weights where it has one.
    """
    from huggingface_hub import snapshot_download

    files = ["config.json", *TOKENIZER_FILES]

    def fetch(*more: str) -> Path:
        patterns = [*files, *more]
        return Path(snapshot_download(path, allow_patterns=patterns, local_files_only=offline))

    if graph:
        return fetch(*_graph_patterns([graph]))
    # An adapter beside the weights is fetched too, so that it is refused as in a folder.
    place = fetch("*.safetensors", INDEX, ADAPTER)
    held = any(place.glob("*.safetensors")) or (place / ADAPTER).is_file()
    return place if held or graph is None else fetch(*_graph_patterns(_GRAPHS))


def _graph_patterns(graphs: Sequence[str]) -> list[str]:
    return [name + end for name in graphs for end in ("", "_data*", ".data")]


def hub_said(error: Exception, *, offline: bool) -> str:
    """Return why a hub model of this name cannot be had, in our words where the reason is known."""
    from huggingface_hub import errors

    if offline or isinstance(error, errors.OfflineModeIsEnabled | errors.LocalEntryNotFoundError):
        where = "working offline" if offline else "as the hub cannot be asked"
        return f"{where}, no hub model of that name is in the local cache"
    if isinstance(error, errors.GatedRepoError):
        return "the hub gives the model of that name only to those it knows (log in there)"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "the hub has no public model of that name"
    return f"the hub could not be asked for it ({said(error)})"
