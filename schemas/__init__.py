"""What flows: frozen values that check themselves, the topics they flow on, and their bytes."""
