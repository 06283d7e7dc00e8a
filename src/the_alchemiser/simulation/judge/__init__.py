"""The judge of a simulated world: every rule of reliability as an executable check, by code of its own."""
