"""The style sheet: dark and light, paper, and widths from a telephone to a desk."""

from __future__ import annotations

from collections.abc import Mapping

# Every colour of a text has a contrast of at least 4.5 to both grounds, paper and plate, as WCAG 2.1 AA asks for.
LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "plate": "#f3f5f7",
    "ink": "#1a2129",
    "grey": "#56616d",
    "line": "#d5dbe1",
    "good": "#1b6f39",
    "bad": "#b3261e",
    "warn": "#7d5200",
    "blue": "#2059a6",
    "orange": "#b04a00",
}
DARK: Mapping[str, str] = {
    "paper": "#14181d",
    "plate": "#1d232a",
    "ink": "#e6e9ed",
    "grey": "#a3adb8",
    "line": "#38424d",
    "good": "#63c98a",
    "bad": "#ff9388",
    "warn": "#e8b969",
    "blue": "#86b7f3",
    "orange": "#f2a871",
}
_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.5rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem;padding-bottom:.25rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem;margin:1.25rem 0 .5rem;overflow-wrap:anywhere}
p{margin:.4rem 0;max-width:50rem}
a{color:var(--blue)}
nav{display:flex;flex-wrap:wrap;gap:.25rem .9rem;margin-top:.75rem}
footer{margin:3rem auto 2rem;color:var(--grey);font-size:.85rem}
.note{color:var(--grey);font-size:.9rem}
.side{display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
.side>*{min-width:0}
.wide{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:600;color:var(--grey)}
th:first-child,td:first-child{padding-left:0}
td.word{white-space:nowrap}
td.name{min-width:8.5rem;max-width:20rem;overflow-wrap:anywhere}
td.text{min-width:14rem;overflow-wrap:anywhere}
.num{text-align:right;white-space:nowrap}
th.num{white-space:normal}
thead th{vertical-align:bottom}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.grey{color:var(--grey)}
.good,.bad,.warn{font-weight:600}
svg{display:block}
.bar{width:8rem;height:.9rem;margin-top:.25rem}
.bar .track{fill:var(--plate)}
.blue{fill:var(--blue)}.orange{fill:var(--orange)}
.curve{width:100%;max-width:27rem;height:auto}
.curve text{fill:var(--grey);font-size:11px}
.curve .grid{stroke:var(--line);stroke-width:1}
.curve .mark{stroke:var(--grey);stroke-width:1;stroke-dasharray:2 2}
.curve polyline{fill:none;stroke-width:2}
.curve .first{stroke:var(--blue)}.curve .second{stroke:var(--orange);stroke-dasharray:5 3}
.key{display:inline-block;width:1.4rem;border-top:3px solid var(--blue);vertical-align:middle;margin-right:.3rem}
.key.second{border-top:3px dashed var(--orange)}
.confusion{font-size:.8rem}
.confusion th,.confusion td{padding:.15rem .3rem;border:1px solid var(--line);text-align:center}
.confusion th{max-width:8rem;overflow-wrap:anywhere;font-weight:400}
.confusion th[scope=row]{text-align:right;min-width:3.5rem}
.confusion th.answer{vertical-align:bottom;max-height:8rem}
.confusion th.answer bdi{writing-mode:vertical-rl;transform:rotate(180deg);max-height:8rem;text-align:left}
.confusion .right{background:var(--plate)}
.confusion .wrong{font-weight:700;background:rgb(214 90 30/var(--part))}
.pictures{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));padding:0;margin:1rem 0}
.pictures figure{margin:0;min-width:0;break-inside:avoid}
.pictures img{width:6rem;height:6rem;object-fit:contain;background:var(--plate);image-rendering:auto}
.pictures .small{image-rendering:pixelated}
figcaption{font-size:.8rem;line-height:1.4;overflow-wrap:anywhere}
.cause{border-left:4px solid var(--bad);background:var(--plate);padding:.5rem .75rem;margin:.6rem 0;max-width:60rem}
.cause.warn{border-color:var(--warn);color:inherit;font-weight:400}
.cause p{overflow-wrap:anywhere}
ul{padding-left:1.2rem;max-width:60rem}
li{overflow-wrap:anywhere}
@media print{
body{font-size:10pt}
nav{display:none}
h2,h3{break-after:avoid}
tr,.cause,figure,svg{break-inside:avoid}
.wide{overflow:visible}
table{font-size:7pt}
th,td{padding:.15rem .3rem}
td.name,td.text{min-width:3rem;max-width:11rem}
.num,td.word{white-space:normal}
.bar{width:3.5rem;height:.6rem}
.confusion{font-size:6.5pt}
.side{grid-template-columns:minmax(0,1fr)}
.confusion .wrong,.confusion .right,.bar,.pictures img,.cause{print-color-adjust:exact}
}
@media screen and (max-width:60rem){
th,td{padding:.3rem .4rem}
td.name{min-width:6.5rem}
.bar{width:5rem}
}
@media screen and (max-width:40rem){
table{font-size:.85rem}
th,td{padding:.3rem}
td.name{min-width:5.4rem}
.stacked thead{position:absolute;left:-99rem}
.stacked,.stacked tbody,.stacked tr,.stacked td{display:block;width:100%}
.stacked tr{border-bottom:2px solid var(--line);padding:.5rem 0}
.stacked td{border:0;padding:.1rem 0;text-align:left;white-space:normal;max-width:none;min-width:0}
.stacked td.none{display:none}
.stacked td[data-title]:not([data-title=""])::before{content:attr(data-title) ": ";color:var(--grey)}
.stacked .bar{width:100%}
}
"""


def style_sheet() -> str:
    """Returns the style sheet of the page: dark where the reader's system is, and light on paper."""
    light, dark = (";".join(f"--{key}:{value}" for key, value in colours.items()) for colours in (LIGHT, DARK))
    return (
        f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"@media print{{html{{color-scheme:light}}}}{_RULES}"
    )
