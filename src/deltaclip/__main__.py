"""`python -m deltaclip`: the same as the command `deltaclip`."""

from deltaclip.cli import main

if __name__ == "__main__":
    main()
