"""What the project is made of: pins, licences, the layer's bill of materials, known weaknesses."""

import tooling  # noqa: F401, it says "interrupted" at a Ctrl-C
