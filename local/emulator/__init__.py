"""What runs inside the emulator's own environment: ministack, and the links that it lacks.

Every link here is ours. That something passes with them does not prove it on AWS.
"""
