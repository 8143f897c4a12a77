"""What tests share: platforms to run on, stages to stand on, lines to compare."""
