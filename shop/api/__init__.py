"""JSON of the shop: schema and view on one page, rules elsewhere."""
