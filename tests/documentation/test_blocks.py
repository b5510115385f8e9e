"""Every code block of the documentation is run by a test."""

from __future__ import annotations

import pytest

from tests.documentation.blocks import OUTPUT, ROOT, all_blocks, block, pages, read_blocks, taken_in

IMPORT = "from tests.documentation.blocks import block\n"
PAGE = """# A page
```text
output
```
## A part
```bash
one
```
- an item
  ```python
  two:
      three
  ```
```{toctree}
page
```
"""


def sources() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("test_*.py"))
    }


def test_every_block_has_a_language() -> None:
    """Output, and whatever else nobody runs, is ``text``."""
    assert [str(each) for each in all_blocks() if not each.language] == []


def test_every_block_that_is_code_is_taken_by_a_test() -> None:
    taken = {address for source in sources().values() for address in taken_in(source)}
    assert [str(each) for each in all_blocks() if each.language != OUTPUT and each.address not in taken] == []


def test_the_pages_of_the_project_and_of_its_docs_are_looked_at() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/tutorial.md", "docs/undo.md"} <= set(pages())


def test_a_block_is_found_by_its_heading_and_its_number_there() -> None:
    found = {each.address: (each.language, each.text, each.line) for each in read_blocks("page.md", PAGE)}
    assert found == {
        ("page.md", "A page", 1): ("text", "output\n", 2),
        ("page.md", "A part", 1): ("bash", "one\n", 6),
        ("page.md", "A part", 2): ("python", "two:\n    three\n", 10),
    }


def test_what_a_test_takes_is_read_from_its_source() -> None:
    source = 'CODE = block("docs/a.md", "A")\nB = "docs/b.md"\ndef test_it():\n    run(block(B, "B", 2))\n'
    assert list(taken_in(source)) == [], "a function of its own"
    assert list(taken_in(IMPORT + source)) == [("docs/a.md", "A", 1), ("docs/b.md", "B", 2)]
    with pytest.raises(ValueError, match="line 1"):
        list(taken_in(f"block(page, 'A'); {IMPORT}"))


def test_a_block_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        LookupError, match=r"docs/undo.md, line \d+: block\('docs/undo.md', 'Look at a report', 1\), bash"
    ):
        block("docs/undo.md", "No such heading")
