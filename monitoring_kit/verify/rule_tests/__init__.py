"""Generated unit tests of rules: inputs are found with an evaluator of our own, and promtool judges them with the real engine."""
