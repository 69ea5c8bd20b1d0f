"""The table of rights that the protocols are held against is the one in the handbook."""

from pathlib import Path

from tests.integration.drives.matrix import ALL, NOTHING, PLACES, RIGHTS, Who, render

_HANDBOOK = Path(__file__).resolve().parents[3] / "docs" / "handbook.md"


def test_the_handbook_has_the_table() -> None:
    assert render() in _HANDBOOK.read_text(encoding="utf-8"), f"docs/handbook.md, Drives, lacks:\n{render()}"


def test_it_has_a_cell_for_everybody_everywhere_and_members_are_equal() -> None:
    for place in PLACES:
        assert set(RIGHTS[place]) == set(Who)
        assert set(RIGHTS[place].values()) == {ALL, NOTHING}
