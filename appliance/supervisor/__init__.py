"""The one brain: reads directory, settings and state, publishes who may do what; control, health, launcher's seam."""
