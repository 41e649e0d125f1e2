"""Word scores of models for some sentences, by several methods, each asked once.

Does: look up what is known, cut the rest into pieces that are explained together, have them
explained by whoever has a hand free, and keep each as it is done. Does not: compare models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kdprobe.cache import Cache
from kdprobe.errors import CapabilityError
from kdprobe.extract.coalitions import ValueFunction
from kdprobe.extract.explained_piece import Explanation, PieceRequest, explain_piece
from kdprobe.extract.kept_explanations import KeptExplanations, explained_names
from kdprobe.extract.method import METHODS
from kdprobe.extract.own_outputs import require_own_outputs
from kdprobe.extract.passes import expected_tokens, token_counts
from kdprobe.extract.sentence import Sentence
from kdprobe.extract.settings import ExplanationSettings
from kdprobe.models.handle import ModelHandle, lacking
from kdprobe.models.texts_reader import TextsReader, held_reader, reader_of
from kdprobe.plain_text import how_many
from kdprobe.progress import Progress
from kdprobe.workers.pieces import Held, WorkPiece
from kdprobe.workers.pool import ALONE, Workers
from kdprobe.workers.process import bounded_threads

PIECE = 16
"""Sentences explained before they are kept; their coalitions share batches, a method at a time."""
PIECE_WORDS = 1000
"""Words of one piece at most (or one sentence): what is held of coalitions grows with them."""


Explained = Mapping[str, tuple[Explanation, ...]]
"""Method (or `random`, whose scores are empty, or a name of `order_names`, with other numbers in
their place) -> one entry per sentence."""


class ExplanationRequest(NamedTuple):
    """What to explain to a model, each sentence with at least one word, and how."""

    handle: ModelHandle
    sentences: Sequence[Sentence]
    setting: ExplanationSettings


def explain_model(
    handle: ModelHandle,
    sentences: Sequence[Sentence],
    setting: ExplanationSettings,
    *,
    cache: Cache | None,
    progress: Progress,
    workers: Workers = ALONE,
) -> Explained:
    """Explain sentences to one model by every method of a setting; see `explain_models`."""
    request = ExplanationRequest(handle, sentences, setting)
    (explained,) = explain_models(
        [request], title=f"explaining {handle.name}", cache=cache, progress=progress,
        workers=workers,
    )  # fmt: skip
    return explained


def explain_models(
    requests: Sequence[ExplanationRequest],
    *,
    title: str,
    cache: Cache | None,
    progress: Progress,
    workers: Workers = ALONE,
    before: Callable[[Sequence[ExplanationRequest]], None] | None = None,
) -> list[Explained]:
    """Explain sentences to models, the pieces of all shared out among processes.

    Kept under (the model's fingerprint, the method, its version and options, the output, the
    removal, the seed) and each sentence's text and class: other sentences, another order or one
    more method cost only what is new, and a killed run goes on from the last piece.

    Args:
        requests: what to explain to which model and how.
        title: what is done, for people.
        cache: where answers are kept, or None.
        progress: told, as it is run, of every token of all passes; see `passes.expected_tokens`.
        workers: the processes that share the pieces; they move no bit.
        before: given what is left to explain, before it is, with the threads of the workers.

    Returns:
        The explanations of each request, in order.

    Raises:
        CapabilityError: a method cannot be used with this model, or what it would be explained by
            is not what the model itself says.
    """
    opened = [_OpenRequest(*request, cache=cache, progress=progress) for request in requests]
    readers: dict[int, Held[TextsReader]] = {}
    pieces = [(one, piece) for one in opened for piece in one.pieces(readers)]
    if pieces:
        if before is not None:
            left = [
                ExplanationRequest(
                    one.handle, [each for owner, piece in pieces if owner is one for each in piece],
                    request.setting,
                )
                for one, request in zip(opened, requests, strict=True)
            ]  # fmt: skip
            with bounded_threads(workers.threads):
                before(left)
        work = [one.work(piece) for one, piece in pieces]
        with _Bar(title, pieces, work, progress) as bar:
            for place, new in workers.map(explain_piece, work, listener=bar.hear):
                pieces[place][0].add(new)
                bar.end(place)
        for held in readers.values():
            held.forget()
    return [one.explained() for one in opened]


class _Bar:
    """How far all pieces are, in tokens; the last of a piece counts when the piece is kept."""

    def __init__(
        self,
        title: str,
        pieces: Sequence[tuple[_OpenRequest, Sequence[Sentence]]],
        work: Sequence[WorkPiece[TextsReader, PieceRequest]],
        progress: Progress,
    ) -> None:
        self._pieces, self._sizes = pieces, [int(piece.size) for piece in work]
        self._done = [0] * len(work)
        self._ended: Counter[int] = Counter()
        self._whole: Counter[int] = Counter()
        for one, piece in pieces:
            self._whole[id(one)] += len(piece)
        self._stage = progress.stage(f"{title}, in tokens", sum(self._sizes))

    def __enter__(self) -> _Bar:
        self._steps = self._stage.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stage.__exit__(*error)

    def hear(self, place: int, amount: float) -> None:
        """Show how much of a piece is done."""
        self._advance(place, min(int(amount), self._sizes[place] - 1))

    def end(self, place: int) -> None:
        """Show that a piece is kept."""
        one, piece = self._pieces[place]
        self._ended[id(one)] += len(piece)
        self._advance(place, self._sizes[place])

    def _advance(self, place: int, done: int) -> None:
        more = done - self._done[place]
        if more > 0:  # what is begun again, as its process failed, is not counted twice
            self._done[place] = done
            one, _ = self._pieces[place]
            ended = f"{self._ended[id(one)]:,} of {how_many(self._whole[id(one)], 'sentence')}"
            self._steps.advance(more, note=f"{one.handle.name} · {ended}")


class _OpenRequest:
    """A request with what is known of it."""

    def __init__(
        self,
        handle: ModelHandle,
        sentences: Sequence[Sentence],
        setting: ExplanationSettings,
        *,
        cache: Cache | None,
        progress: Progress,
    ) -> None:
        for name in setting.methods:
            reason = lacking(handle, METHODS.load(name).needs)
            if reason is not None:
                raise CapabilityError(
                    handle.name, found=f"{name} cannot explain it: {reason}",
                    expected="a method that leaves words out: lime, shap, occlusion",
                )  # fmt: skip
        self.handle, self._sentences, self._setting = handle, sentences, setting
        kept = cache if handle.repeats else None
        self._stores = {
            name: KeptExplanations(handle, name, setting, kept, progress)
            for name in explained_names(setting)
        }
        self._held: Held[TextsReader] | None = None

    def pieces(self, readers: dict[int, Held[TextsReader]]) -> list[Sequence[Sentence]]:
        """Return what is left to explain, after a look at whether the model says it of itself.

        Pieces are cut from all sentences, so that whatever is known already, after a kill, each is
        the same as it was.

        Args:
            readers: those of models that others ask, by the identity of the model; its own is
                added, so that a model is sent to other processes once.
        """
        pieces: list[Sequence[Sentence]] = [
            left for piece in cut_pieces(self._sentences) if (left := [*filter(self._open, piece)])
        ]
        if pieces:
            key, removal = id(self.handle), self._setting.removal
            if key not in readers:
                readers[key] = held_reader(reader_of(self.handle), self.handle)
            self._held = readers[key]
            reader = self._held.value
            few = _few([one for piece in pieces for one in piece])
            require_own_outputs(
                [ValueFunction(reader, one.texts, one.words, removal=removal) for one in few]
            )
        return pieces

    def _open(self, one: Sentence) -> bool:
        return any(one.key not in store.known for store in self._stores.values())

    def work(self, piece: Sequence[Sentence]) -> WorkPiece[TextsReader, PieceRequest]:
        """Return a piece with what is known of it."""
        assert self._held is not None
        known = {
            name: {one.key: store.known[one.key] for one in piece if one.key in store.known}
            for name, store in self._stores.items()
        }
        lengths = token_counts(self._held.value, piece)
        tokens = expected_tokens(self._setting, piece, lengths, known)
        request = PieceRequest(piece, self._setting, known, tokens)
        return WorkPiece(self._held, request, max(1.0, sum(tokens.values())))

    def add(self, new: Mapping[str, Mapping[bytes, Explanation]]) -> None:
        """Take up what a piece gave, and keep it."""
        for name, explanations in new.items():
            self._stores[name].add(explanations)

    def explained(self) -> Explained:
        """Return the explanations of every sentence."""
        return {
            name: tuple(store.known[one.key] for one in self._sentences)
            for name, store in self._stores.items()
        }


def _few(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Take the sentences of the fewest, a middle number of and the most words."""
    order = sorted(sentences, key=lambda one: len(one.words))
    return [order[place] for place in sorted({0, len(order) // 2, len(order) - 1})]


def cut_pieces(sentences: Sequence[Sentence]) -> Iterator[Sequence[Sentence]]:
    """Cut sentences, in order, into pieces of bounded number and length."""
    start, words = 0, 0
    for place, one in enumerate(sentences):
        words += len(one.words)
        if place > start and (place - start == PIECE or words > PIECE_WORDS):
            yield sentences[start:place]
            start, words = place, len(one.words)
    if sentences[start:]:
        yield sentences[start:]
