"""The parts of Amazon EC2 that a GPU cluster needs and moto, under LocalStack's EC2, does not have."""
