"""`token`: who may use a server from a different machine."""

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from deltaclip.cli.options import JsonOption
from deltaclip.cli.output import emit, note, print_lines, shown

__all__ = ["token"]


def token(
    *,
    action: Annotated[
        Literal["new", "list", "remove"], typer.Argument(metavar="new|list|remove", help="What to do with tokens.")
    ],
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the token (new: default token-1, token-2, ...).")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="read|index",
            help="What a new token allows: read, which is to search and watch (default), or index, which is to index "
            "folders too. May be repeated; index includes read.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let others use your server: make, list and remove tokens.

    A new token is shown once; only its SHA-256 is kept, in a file of your user data directory (or in DELTACLIP_TOKENS).
    A running server accepts a new token at once, and no longer accepts one that was removed.

    \b
    Examples:
      deltaclip token new phone
      deltaclip token new archive --scope index
      deltaclip token remove phone
    """
    from deltaclip.serve import Tokens

    scopes: list[Literal["read", "index"]] = ["read"]
    for word in scope or ():
        if word not in ("read", "index"):
            raise typer.BadParameter(f"{word!r} is neither read nor index.", param_hint="'--scope'")
        if word == "index":
            scopes.append("index")
    if scope is not None and action != "new":
        raise typer.BadParameter("only a new token has scopes.", param_hint="'--scope'")
    if (name is None and action == "remove") or (name is not None and action == "list"):
        needed = "name the token to remove." if action == "remove" else "list takes no name."
        raise typer.BadParameter(needed, param_hint="NAME")
    tokens = Tokens()
    if action == "list":
        rows = [{key: value for key, value in asdict(each).items() if key != "digest"} for each in tokens.all()]
        if as_json:
            emit({"file": tokens.file, "tokens": rows})
            return
        for each in tokens.all():
            print_lines(f"{shown(each.name)}  {', '.join(each.scopes)}  since {each.created}")
        if not rows:
            note("There is no token. Make one with: deltaclip token new")
    elif action == "remove":
        gone = tokens.remove(name or "")
        if as_json:
            emit({"removed": gone.name})
        else:
            print_lines(f"{shown(gone.name)} removed")
    else:
        made, secret = tokens.new(name, scopes)
        if as_json:
            emit({"name": made.name, "scopes": made.scopes, "created": made.created, "token": secret})
        else:
            print_lines(secret)
            note(f"The token {shown(made.name)!r} ({', '.join(made.scopes)}) is not shown again: keep it safe.")
