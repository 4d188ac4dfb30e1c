"""What is summed: commutative monoids of integers."""
