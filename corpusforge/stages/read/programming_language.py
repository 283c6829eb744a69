"""The programming language of a file, by its name, its first line, and for C headers its content."""

import re
from pathlib import PurePosixPath

# Tags of the package `identify` that name a language; the first that a file has decides.
NAMES = {
    "python": "Python", "pyi": "Python", "cython": "Cython", "c": "C", "c++": "C++", "c#": "C#", "java": "Java",
    "javascript": "JavaScript", "jsx": "JavaScript", "ts": "TypeScript", "tsx": "TypeScript", "vue": "Vue",
    "svelte": "Svelte", "go": "Go", "rust": "Rust", "ruby": "Ruby", "erb": "ERB", "php": "PHP", "perl": "Perl",
    "lua": "Lua", "r": "R", "julia": "Julia", "scala": "Scala", "kotlin": "Kotlin", "swift": "Swift",
    "dart": "Dart", "groovy": "Groovy", "objective-c": "Objective-C", "haskell": "Haskell", "ocaml": "OCaml",
    "f#": "F#", "elixir": "Elixir", "erlang": "Erlang", "clojure": "Clojure", "lisp": "Lisp", "scheme": "Scheme",
    "racket": "Racket", "fortran": "Fortran", "pascal": "Pascal", "ada": "Ada", "vb": "Visual Basic", "zig": "Zig",
    "nim": "Nim", "vhdl": "VHDL", "verilog": "Verilog", "system-verilog": "SystemVerilog", "asm": "Assembly",
    "cuda": "CUDA", "opencl": "OpenCL", "bash": "Shell", "zsh": "Shell", "fish": "Shell", "ksh": "Shell",
    "csh": "Shell", "shell": "Shell", "bats": "Shell", "powershell": "PowerShell", "batch": "Batch", "tcl": "Tcl",
    "awk": "Awk", "vim": "Vim script", "sql": "SQL", "graphql": "GraphQL", "proto": "Protocol Buffer",
    "thrift": "Thrift", "html": "HTML", "css": "CSS", "scss": "SCSS", "sass": "Sass", "less": "Less", "xml": "XML",
    "xsl": "XSLT", "svg": "SVG", "json": "JSON", "yaml": "YAML", "toml": "TOML", "ini": "INI",
    "makefile": "Makefile", "cmake": "CMake", "bazel": "Starlark", "gradle": "Gradle", "terraform": "HCL",
    "hcl": "HCL", "nix": "Nix", "dockerfile": "Dockerfile", "tex": "TeX", "bib": "BibTeX", "markdown": "Markdown",
    "mdx": "MDX", "rst": "reStructuredText", "asciidoc": "AsciiDoc", "jinja": "Jinja", "handlebars": "Handlebars",
    "mustache": "Mustache", "pug": "Pug", "diff": "Diff", "csv": "CSV", "tsv": "TSV", "jupyter": "Jupyter Notebook",
    "plain-text": "Text",
}  # fmt: skip
SUFFIXES = {".y": "Yacc", ".l": "Lex", ".m4": "M4", ".ac": "M4", ".am": "Makefile", ".cu": "CUDA", ".jq": "jq",
            **{f".{n}": "Roff" for n in range(1, 9)}}  # fmt: skip
CPLUSPLUS = re.compile(
    r"^[ \t]*(?:class \w|namespace \w|template[ \t]*<|(?:public|private|protected):|using \w)|\bstd::", re.M
)


def programming_language(path: str, text: str) -> str | None:
    """Return a readable name such as "Python" or "C++", None when neither name nor first line tells.

    >>> programming_language("a/b.py", ""), programming_language("x.h", "class A {};"), programming_language("x", "")
    ('Python', 'C++', None)
    """
    from identify import identify

    name = PurePosixPath(path).name
    tags = identify.tags_from_filename(name)
    if not tags and text.startswith("#!"):
        words = [w for w in re.split(r"[\s/]+", text[2:120].partition("\n")[0]) if w and w != "-S" and "=" not in w]
        if "env" in words:
            words = words[words.index("env") + 1 :][:1]
        tags = {tag for word in words for tag in identify.tags_from_interpreter(word)}
    if "header" in tags and "c++" in tags:
        return "C++" if "c" not in tags or CPLUSPLUS.search(text) else "C"
    found = next((language for tag, language in NAMES.items() if tag in tags), None)
    return found or SUFFIXES.get(PurePosixPath(name).suffix.lower())
