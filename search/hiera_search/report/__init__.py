"""What a search leaves: a folder with the front as data, its winners as spec files, and a page to look at."""

from hiera_search.report.files import make_folder, write_result
from hiera_search.report.form import Candidate, Front
from hiera_search.report.page import render
from hiera_search.report.read import read_front

__all__ = ["Candidate", "Front", "make_folder", "read_front", "render", "write_result"]
