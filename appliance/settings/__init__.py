"""The school's settings: ``/etc/schoolserver/*.yaml`` as frozen objects, one module per file."""
