"""Making an installed machine the school's server: asked, planned, then done in steps that can be done again."""
