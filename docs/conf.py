"""How Sphinx builds this folder into a site: ``make docs``. Every warning is an error."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.data import JsonLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
# Importing Airflow writes a configuration into its home.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="onlive-docs-")
logging.getLogger("airflow").setLevel(logging.WARNING)

from onlive_provider import __version__  # noqa: E402

REPOSITORY = "https://github.com/onlive-airflow/airflow-provider-onlive"

project = "airflow-provider-onlive"
author = "the authors of airflow-provider-onlive"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
# The anchors that GitHub gives to headings, so that one link works in both places.
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_display_short_literal_types = True
# Names in signatures that have no page: those of other projects, because a build makes no call, and choices that the
# text spells out.
nitpick_ignore_regex = [
    ("py:.*", r"(airflow|collections|datetime|pathlib)\..*"),
    (
        "py:.*",
        r"Airflow(Fail|Skip)Exception|AirflowSensorTimeout|XComArg|FailOrSkip|Mode|Target|OnliveClient|.*\.NotGiven",
    ),
]

html_theme = "furo"
html_title = "Onlive provider for Apache Airflow"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#6cb6ff", "color-brand-content": "#6cb6ff"},
}


def link_to_repository(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to files outside of this folder lead to the repository, which the site does not hold."""
    source[0] = re.sub(r"\]\(\.\./([^)]+)\)", rf"]({REPOSITORY}/blob/main/\1)", source[0])


def setup(app: Sphinx) -> None:
    """Register what this file adds to the build."""
    app.add_lexer("jsonl", JsonLexer)
    app.connect("source-read", link_to_repository)
