"""Fakes of the ports, shipped: a source, a publisher and a clock in memory.

>>> from driftline.testing.clock import ManualClock
>>> ManualClock(1_000).now_ms()
1000
"""
