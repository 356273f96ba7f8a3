"""The stand-in itself, asked through the library that the house uses."""
