// No program: what the precompiled headers belong to.
