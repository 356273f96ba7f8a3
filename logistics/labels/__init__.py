"""Labels of 100 × 150 mm: what stands on them, and how printers of each kind are told."""
