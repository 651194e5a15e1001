"""Chaos on the real stack: thousands of calls while everything breaks that can. `python -m tests.chaos --help`"""
