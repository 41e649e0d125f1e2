"""One seed a run, one generator a consumer."""

from hypothesis import given
from hypothesis import strategies as st

from kdprobe.seeds import derive_generator, derive_seed


def test_golden_values() -> None:
    """A change of the derivation would silently change every published number."""
    assert derive_seed(0) == 3456079177858693020
    assert derive_generator(0, "bootstrap").integers(0, 1000, 3).tolist() == [816, 15, 59]


@given(st.integers(0, 2**31), st.lists(st.text(max_size=5), max_size=3))
def test_names_are_not_joined_by_accident(seed: int, names: list[str]) -> None:
    """Consumers ("a", "bc") and ("ab", "c") must not share a stream."""
    assert 0 <= derive_seed(seed, *names) < 2**63
    assert derive_seed(seed, *names) != derive_seed(seed, *names, "x")
    assert derive_seed(seed, "a", "bc") != derive_seed(seed, "ab", "c")
