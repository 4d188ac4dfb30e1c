"""What production is compared with."""
