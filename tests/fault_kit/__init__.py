"""Faults drawn by seed and let happen to runs of the command line; `runs.run_with` is where to begin.

Faults of a worker happen in the stage `fault_kit.stage:Faulty`, at a document that the place decides. All others
happen when the driver has committed a share of its units: it then waits until the kit has struck, so that a seed gives
the same fault at the same point of the work. Each happens once; the driver is started again until the run ends.
"""
