"""The options of `search` that say which moments may be found."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from deltaclip.names import on_disk

if TYPE_CHECKING:  # the library is imported when the command runs
    from deltaclip.library import Filter

__all__ = ["FilterOptions"]

DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]
"""How a date may be written."""


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What a moment has to be, besides what is asked."""

    PANEL: ClassVar = "Filters"

    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Only videos in this folder or below it.")] = None
    glob: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Only videos whose name fits, as in '*.mov', or with a slash the end of their path, as in "
            "'holiday/*.mov'. Capitals do not matter.",
        ),
    ] = None
    longer: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Only videos that last at least this long.")
    ] = None
    shorter: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Only videos that last less than this.")
    ] = None
    after: Annotated[
        datetime | None,
        typer.Option(formats=DATES, metavar="DATE", help="Only files last changed at this date (2026-05-01) or later."),
    ] = None
    before: Annotated[
        datetime | None,
        typer.Option(formats=DATES, metavar="DATE", help="Only files last changed before this date."),
    ] = None
    coverage: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="SHARE",
            help="Only moments in which at least this share of the picture moves (0 to 1).",
        ),
    ] = None

    def filter(self) -> "Filter":
        """The choices as `Library.search` takes them. Raises BadParameter for those that no moment can fit."""
        from deltaclip.library import Filter

        try:
            return Filter(
                folder=None if self.folder is None else on_disk(self.folder),
                glob=self.glob,
                longer_seconds=self.longer,
                shorter_seconds=self.shorter,
                after=self.after,
                before=self.before,
                min_coverage=self.coverage,
            )
        except ValueError as err:
            raise typer.BadParameter(f"{err}.") from err
