"""From pictures to the model's pixels and back."""
