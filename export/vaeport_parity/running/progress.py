"""A line that says what is being done, where someone waits; silent where stderr is no terminal."""

from types import TracebackType

from tqdm import tqdm


class Steps:
    """Shows the step under way; call it with the step's name. A context manager."""

    def __init__(self, title: str) -> None:
        self._bar = tqdm(
            desc=title, unit=" steps", disable=None, leave=False, bar_format="{desc}: {postfix} [{elapsed}]"
        )

    def __call__(self, step: str) -> None:
        """Show this step as the one under way."""
        self._bar.set_postfix_str(step)
        self._bar.update()

    def __enter__(self) -> "Steps":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
