"""Programs that keep the project in order; none of them is part of the product."""
