"""Code of one's own that a recipe names (`acme.filters:Shouting`, a .py file beside it), to be sent to workers."""

import sys
import sysconfig
from pathlib import Path

from corpusforge.engine.plan import Plan

INSTALLED = ("purelib", "platlib", "stdlib", "platstdlib")


def own_code(plan: Plan) -> list[str]:
    """Return the top packages (folders) and modules (files) of the plan's classes that are not installed anywhere.

    Of what they import, only what is in the same package goes with them.
    """
    pipeline = plan.pipeline
    used: list[type] = [type(step.step.stage) for step in plan.steps]
    used += [type(source.reader) for source in pipeline.sources]
    used.append(type(pipeline.writer))
    installed = [Path(path).resolve() for name in INSTALLED if (path := sysconfig.get_path(name))]
    found: dict[str, None] = {}
    for name in dict.fromkeys(cls.__module__.partition(".")[0] for cls in used):
        if name in ("corpusforge", "__main__"):
            continue
        module = sys.modules[name]
        places = list(getattr(module, "__path__", [])) or [str(module.__file__)]
        for place in map(Path, places):
            if not any(place.resolve().is_relative_to(folder) for folder in installed):
                found[str(place.absolute())] = None
    return list(found)
