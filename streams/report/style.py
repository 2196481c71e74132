"""How a report looks: by day and by night, on a phone and on A4. The colours are those of the status page."""

from __future__ import annotations

_DAY = """--ground: #f4f6f8; --surface: #fff; --ink: #16202a; --muted: #51606e; --line: #d8e0e7; --accent: #0a5f82;
  --band: #cfe2ec; --expected: #5f8ba3; --observed: #1c2b38; --trouble: #fdeeec; --mark: #a3201a;"""
_NIGHT = """--ground: #0c1217; --surface: #131b22; --ink: #dde6ed; --muted: #9cadbb; --line: #26323c; --accent: #74c4e6;
  --band: #1d3949; --expected: #5d93ad; --observed: #dde6ed; --trouble: #2e181a; --mark: #ff9f93;"""
_COLOURS = f""":root {{ color-scheme: light dark; {_DAY} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_NIGHT} }} }}
@media print {{ :root {{ color-scheme: light; {_DAY} --ground: #fff; }} }}
"""

PLOT = """.plot { font: 12px system-ui, sans-serif; }
.plot text { fill: var(--muted); }
.plot .grid { stroke: var(--line); fill: none; }
.plot .trouble { fill: var(--trouble); }
.plot .band { fill: var(--band); }
.plot .expected { stroke: var(--expected); stroke-dasharray: 5 3; stroke-width: 1.4; fill: none; }
.plot .observed { stroke: var(--observed); stroke-width: 1.7; fill: none; }
.plot .mark { stroke: var(--mark); stroke-width: 1; fill: none; }
.plot .label { fill: var(--mark); }
"""

PAGE = (
    _COLOURS
    + PLOT
    + """* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
p.lead { font-size: 1.15rem; }
p.small, figcaption { color: var(--muted); font-size: .875rem; }
ul { margin: .5rem 0; padding-left: 1.2rem; max-width: 46rem; }
li { margin: .25rem 0; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: .6rem; margin: 1rem 0; }
.facts div { background: var(--surface); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
.facts dt { color: var(--muted); font-size: .8125rem; }
.facts dd { margin: .1rem 0 0; font-size: 1.35rem; font-weight: 600; line-height: 1.25; }
.facts small { display: block; color: var(--muted); font-size: .8125rem; font-weight: 400; line-height: 1.35; }
.wide { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; line-height: 1.4; background: var(--surface); }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border: 1px solid var(--line); }
th { color: var(--muted); font-weight: 600; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n { white-space: nowrap; }
td small { display: block; color: var(--muted); font-size: .92em; }
td:first-child { white-space: nowrap; }
figure { margin: 1rem 0; background: var(--surface); border: 1px solid var(--line); border-radius: .5rem; }
figcaption { padding: .6rem .8rem 0; }
figure .wide { margin: 0; padding: .4rem .6rem; }
figure svg { display: block; width: 100%; min-width: 34rem; height: auto; }
@media screen and (max-width: 42rem) { .facts { grid-template-columns: 1fr 1fr; } }
@media screen and (max-width: 42rem) { table { width: max-content; min-width: 100%; } td, th { max-width: 17rem; } }
@page { size: A4; margin: 14mm; }
@media print {
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  figure, tr, li, .facts div { break-inside: avoid; }
  .wide { overflow: visible; }
  p.lead { font-size: 11pt; }
  p.small, figcaption { font-size: 8.5pt; }
  table { font-size: 7.5pt; }
  th, td { padding: .2rem .3rem; }
  td.n { white-space: normal; }
  figure svg { min-width: 0; }
  td:first-child { white-space: normal; }
}
"""
)

# of a plot in a file of its own
ALONE = _COLOURS + PLOT
