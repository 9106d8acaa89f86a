"""What `deploy/check` checks: a module for each part, and what they share."""
