"""Pictures of mazes, made from a seed: for the demo, the tests, the benchmark and the documents."""
