"""Pictures to measure and test the job with, and the benchmark."""
