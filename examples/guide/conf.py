"""How Sphinx makes the site from the pages that build.py gathers. Nothing in it is loaded from elsewhere."""

project = "corpusforge"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "corpusforge"
html_show_sphinx = False
html_copy_source = False
html_extra_path = ["recipe.schema.json"]
myst_heading_anchors = 2
# Some code blocks show output, and some headings skip a level where a docstring's page begins.
suppress_warnings = ["misc.highlighting_failure", "myst.header"]
