"""What backends refuse of the graphs in `graphs`, each with the words that say so."""

REFUSALS: dict[tuple[str, str], str] = {}
