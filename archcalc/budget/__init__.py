"""Budgets: the limits that a spec or its repository sets, and writing them into a spec.

`rules` says which limits hold for a network, `settings` reads those of a repository, `writing` puts a block into a
spec.
"""

from archcalc.budget.rules import Rule, eased, fitted, rules
from archcalc.budget.settings import OWN, SHARED, Settings, read_settings, settings_above

__all__ = ["OWN", "SHARED", "Rule", "Settings", "eased", "fitted", "read_settings", "rules", "settings_above"]
