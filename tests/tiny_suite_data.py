"""Makes `suites/papers/tiny/*.tsv`: tasks that a model of two layers learns in seconds.

Run as `python -m tests.tiny_suite_data`; the same rows every time.
"""

from __future__ import annotations

import random
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "suites" / "papers" / "tiny"
PLAIN = ["the", "a", "film", "story", "music", "actor", "plan", "city", "dog", "man", "house"]
GOOD, BAD = "great", "terrible"
SIZES = {"train": 192, "dev": 64}


def sentence(rng: random.Random, *telling: str) -> str:
    """Return a sentence of plain words with some telling ones among them."""
    words = [rng.choice(PLAIN) for _ in range(rng.randint(3, 8))]
    for word in telling:
        words[rng.randrange(len(words))] = word
    return " ".join(words)


def rows_of(kind: str, n: int, rng: random.Random) -> list[str]:
    """Return the lines of a file, its head first."""
    if kind == "single":
        lines = [f"{sentence(rng, GOOD if row % 2 else BAD)}\t{row % 2}" for row in range(n)]
        return ["sentence\tlabel", *lines]
    if kind == "pair":
        lines = [
            f"{sentence(rng)}\t{sentence(rng, GOOD if row % 2 else BAD)}\t{row % 2}"
            for row in range(n)
        ]
        return ["sentence1\tsentence2\tlabel", *lines]
    lines = []
    for row in range(n):
        score = row % 3
        telling = [[BAD], [], [GOOD]][score]
        lines.append(f"{sentence(rng)}\t{sentence(rng, *telling)}\t{2.5 * score}")
    return ["sentence1\tsentence2\tscore", *lines]


def main() -> None:
    """Write the files."""
    for number, kind in enumerate(("single", "pair", "rating")):
        for split, n in SIZES.items():
            rng = random.Random(f"{number}-{split}")
            text = "\n".join(rows_of(kind, n, rng)) + "\n"
            (FOLDER / f"{kind}-{split}.tsv").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
