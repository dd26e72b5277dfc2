"""The wire of the fuzzer, under the name that the tests know it by."""

from deploy.fuzz.wire import Flow, Wire, laid, target_of, wired

__all__ = ["Flow", "Wire", "laid", "target_of", "wired"]
