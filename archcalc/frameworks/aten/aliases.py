"""Other names of operators, as torch has them: the rule is that of the first name."""

from __future__ import annotations

from copy import copy

from archcalc.frameworks.aten.base import ATEN, RULES, Call
from archcalc.importer.binding import Rule

ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctanh": "atanh", "arctan2": "atan2", "negative": "neg", "fix": "trunc", "less": "lt", "less_equal": "le",
    "greater": "gt", "greater_equal": "ge", "not_equal": "ne", "conj_physical": "sgn", "row_stack": "vstack",
    "linalg_matmul": "matmul", "linalg_diagonal": "diagonal", "native_channel_shuffle": "channel_shuffle",
    "special_expit": "sigmoid", "special_erf": "erf", "special_erfc": "erfc", "special_erfinv": "erfinv",
    "special_exp2": "exp2", "special_log1p": "log1p", "special_logit": "logit", "special_gammaln": "lgamma",
    "special_digamma": "digamma", "special_psi": "digamma", "special_polygamma": "polygamma", "special_i0": "i0",
    "special_sinc": "sinc", "special_round": "round", "special_xlogy": "xlogy", "special_logsumexp": "logsumexp",
    "special_log_softmax": "log_softmax", "_safe_softmax": "softmax", "igammac": "igamma", "fabs": "abs",
    "mH": "adjoint", "matrix_H": "adjoint",
}  # fmt: skip


class Alias(Rule):
    """The rule of another name, which looks at its node as if it had that name."""

    def __init__(self, op: str) -> None:
        super().__init__(RULES[ATEN, op].function)
        self.op = op

    def __call__(self, call: Call) -> object:
        node = copy(call.node)
        node.op = self.op
        instead = Call(call.walker, node, call.inputs, call.scope, call.domain)
        instead.rule, instead.first = call.rule, call.first
        return super().__call__(instead)


RULES.update({(ATEN, name): Alias(op) for name, op in ALIASES.items()})
