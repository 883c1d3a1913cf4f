"""The commands, by what one wants: the module of each, and a sentence that says what it is for."""

from __future__ import annotations

GROUPS: dict[str, dict[str, tuple[str, str]]] = {  # what one wants -> command -> (module, sentence)
    "See what a network costs": {
        "count": ("count", "Count parameters, MACs, activations, memory and receptive field, in numbers or formulas."),
        "memory": ("memory", "Say what is alive while each layer runs, and which tensors make the peak."),
        "predict": ("predict", "Say how long a run takes on a device, from the counts alone."),
        "devices": ("listing", "List the chips whose limits --fit takes, and the profiles that predict takes."),
        "explain": ("explain", "Say why another tool prints another number, operator by operator."),
        "zoo": ("listing", "List the networks that ship, with their totals."),
    },
    "Choose a design": {
        "sweep": ("sweep", "Count every design of a space, or the best of them."),
        "solve": ("solve", "Find the best design under limits, with the proof that there is no better one."),
        "worker": ("worker", "Take partitions of a sweep on another machine: archcalc sweep --engine tcp://..."),
        "advise": ("advise", "Say what a network could use of what lectures teach, and what it would save."),
    },
    "Keep to it": {
        "check": ("check", "Check specs on their own: shapes, published references, budgets."),
        "compare": ("compare", "Say what changed, layer by layer, and whether the budgets allow it."),
        "budget": ("budget", "Make a budget of what a spec costs now."),
        "docs": ("docs", "Fill the regions of documents: tables, numbers, formulas and diagrams."),
    },
    "Look at it": {
        "diagram": ("diagram", "Draw the network, coloured by what its layers cost."),
        "plot": ("plot", "Plot where the cost is, as SVG."),
        "report": ("report", "Write a page with sliders, every layer, memory, field and roofline."),
        "live": ("live", "Serve that page to this machine while the file is edited."),
    },
    "Go between formats": {
        "import": ("importing", "Write a model file or a PyTorch module as a spec that counts the same."),
        "export": ("export", "Write the network as an ONNX model that runs."),
        "expand": ("expand", "Print the flat network, every option spelled out."),
    },
    "Run it": {
        "verify": ("verify", "Run the network and hold it against the count."),
        "measure": ("measure", "Measure how long networks take."),
        "calibrate": ("calibrate", "Time layers on this machine and write its profile, for predict."),
    },
    "Write specs": {
        "init": ("init", "Begin: a first spec, archcalc.toml, a hook for pre-commit and a workflow."),
        "fmt": ("fmt", "Lay out specs alike; what they say, and their comments, stay."),
        "ops": ("listing", "Print the operator reference: how each layer is written and what it counts."),
        "schema": ("listing", "Print the JSON Schema of a spec, or of what a command prints."),
        "lsp": ("lsp", "Serve editors: mistakes, completion, and what each line costs."),
        "help": ("helping", "Explain a command, an operator, a column, or a topic such as formats."),
    },
}
COMMANDS = {name: module for group in GROUPS.values() for name, (module, _) in group.items()}

USAGE = """Usage: archcalc [OPTIONS] COMMAND [ARGS]...

  What a neural network costs, exactly: parameters, MACs, activations, memory
  and receptive field from a page of YAML.
"""
OPTIONS = """
Options:
  --version             Print the version.
  --install-completion  Install completion for the current shell.
  --show-completion     Show completion for the current shell, to copy it or
                        customize the installation.
  -h, --help            Show this message and exit.

archcalc COMMAND --help has the options of a command, archcalc help TOPIC the rest.
"""


def overview() -> str:
    """What `archcalc --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [USAGE]
    for wanted, commands in GROUPS.items():
        lines += [f"{wanted}:", *(f"  {name:<{width}}  {said}" for name, (_, said) in commands.items()), ""]
    return "\n".join(lines).rstrip("\n") + "\n" + OPTIONS
