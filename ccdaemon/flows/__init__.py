"""Where rules meet the world, a file for each story."""
