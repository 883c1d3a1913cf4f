"""A network as one page that works on its own: its closed forms as JavaScript behind sliders, and pictures of them."""

from archcalc.report.page import page
from archcalc.report.subject import Subject, subject

__all__ = ["Subject", "page", "subject"]
