"""How long a network takes on a device, estimated from its counts alone."""
