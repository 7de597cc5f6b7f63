"""What a study found: measured rows, pictures of them and words, written as json, PNG and Markdown.

study   the rows, panels and words of a finding
plots   panels as a picture
files   NAME.json, NAME.png and NAME.md in one folder
"""

from deltaclip.findings.files import write_study
from deltaclip.findings.study import Curve, Estimate, Figures, Panel, Plain, Row, Spread, StudyResult

__all__ = ["Curve", "Estimate", "Figures", "Panel", "Plain", "Row", "Spread", "StudyResult", "write_study"]
