"""Networks as pictures: diagrams as SVG, Mermaid and DOT, and plots of what they cost, as SVG of our own."""

FORMATS = ("mermaid", "svg", "dot")
METRICS = {
    "macs": "MACs",
    "params": "params",
    "activations": "activations",
}  # what pictures are of, and what it is called
