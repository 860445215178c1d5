"""What is done to a deployed stack from outside: check that it works, delete it with its data.

With the default credentials and region, on AWS; on the embedded AWS with AWS_ENDPOINT_URL set.
"""

import tooling  # noqa: F401, it says "interrupted" at a Ctrl-C
