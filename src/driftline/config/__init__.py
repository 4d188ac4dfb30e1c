"""From one YAML file and the environment to frozen settings, or to all mistakes at once."""
