"""What the project is made of: pins, licences, the layer's bill of materials, known weaknesses."""
