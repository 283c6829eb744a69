"""The allocator setting of worker processes."""

import subprocess
import sys

import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs glibc")
def test_a_freed_array_is_used_again_instead_of_fresh_pages() -> None:
    code = """
import resource, sys
import numpy as np
from corpusforge.text.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    print("no glibc"); raise SystemExit
np.ones(1 << 22)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(1 << 22)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    found = {
        mode: subprocess.run([sys.executable, "-c", code, mode], capture_output=True, text=True, check=True).stdout
        for mode in ("keep", "default")
    }
    if "glibc" in found["keep"]:
        pytest.skip("the setting is one of glibc, this is another C library")
    assert int(found["keep"]) < 20 < int(found["default"])
