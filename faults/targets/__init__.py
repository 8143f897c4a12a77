"""What random input is thrown at, one reader a file."""
