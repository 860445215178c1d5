"""moto's event patterns, for tests in another environment: run with moto's own Python.

Each line of standard input is [pattern, event]; each line of the output, true or false.
"""

import json
import sys

from moto.events.models import EventPattern

for line in sys.stdin:
    pattern, event = json.loads(line)
    print(json.dumps(EventPattern.load(json.dumps(pattern)).matches_event(event)), flush=True)
