"""The network that documents and repositories of the tests hold."""

NET = """\
archcalc: 1
name: Tiny
input: [3, size, size]
params: {size: 32, width: 16}
layers:
  - stem: conv width 3x3
  - gap
  - fc: linear 10
variants:
  wide: {width: 32}
"""
PARAMS = 16 * 3 * 9 + 16 + 16 * 10 + 10  # 618
MACS = 16 * 32 * 32 * 3 * 9 + 16 * 10  # 442,528
WIDE = 32 * 3 * 9 + 32 + 32 * 10 + 10  # 1,226

LIMITED = """\
archcalc: 1
name: Tiny
input: [3, 32, 32]
layers:
  - stem: conv 16 3x3
  - gap
  - fc: linear 10
budget:
  params: {max: 1000}
"""
