# requirements:

"""How a digest looks, in one place: type, space, colours by day and by night.

Mail programs that drop style sheets show the few inline styles of digest_html and their own
defaults; Outlook's `data-ogsc` and `data-ogsb` are what it puts where it turns colours itself.
"""

SANS = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
SERIF = "Georgia,'Times New Roman',serif"
PAPER, INK = "#ffffff", "#1b1f24"
# Class, property, by day, by night.
COLOURS = (
    ("ink", "color", INK, "#e9e7e2"),
    ("soft", "color", "#59616b", "#a9b0b8"),
    ("accent", "color", "#0b5a7a", "#7fc6e0"),
    ("warn", "color", "#8a3b12", "#f0b088"),
    ("paper", "background-color", PAPER, "#16181b"),
    ("box", "background-color", "#f5f6f7", "#202429"),
    ("rule", "border-color", "#dfe3e7", "#343a41"),
    ("edge", "border-color", "#c3cad1", "#4a525b"),
    ("strong", "border-color", "#0b5a7a!important", "#7fc6e0"),
)
SHEET = f"""
body{{margin:0;padding:0;-webkit-text-size-adjust:100%;text-size-adjust:100%}}
td,p,h1,h2,h3{{text-align:start}}
td{{overflow-wrap:anywhere;word-break:break-word}}
p{{margin:0}}
.body{{font-family:{SANS}}}
.brand{{font:bold 12px/16px {SANS};letter-spacing:3px}}
h1{{margin:6px 0 0;font:normal 30px/36px {SERIF}}}
.lead{{margin-top:10px;font:15px/22px {SANS}}}
h3{{margin:0;padding:36px 0 0;font:bold 12px/16px {SANS};letter-spacing:2px}}
h3{{text-transform:uppercase}}
h2{{margin:0;font:bold 22px/28px {SERIF}}}
h2 a{{text-decoration:none}}
.eye{{display:block;padding-bottom:5px;font:bold 12px/16px {SANS};letter-spacing:.4px}}
.meta{{margin-top:6px;font:13px/19px {SANS}}}
.meta a{{text-decoration:underline}}
.own{{margin-top:6px;font:bold 13px/19px {SANS}}}
.prose{{margin-top:12px;font:17px/27px {SERIF}}}
.num{{font:12px/12px {SANS};text-decoration:none;white-space:nowrap}}
.why{{margin-top:12px;font:16px/25px {SERIF}}}
.back{{margin-top:12px;font:14px/21px {SANS}}}
.label{{margin-top:16px;font:bold 13px/19px {SANS}}}
.ref,.also,.read{{font:13px/19px {SANS}}}
.ref td{{padding-top:4px}}
.also td{{padding:7px 0}}
.also .head{{font:15px/21px {SANS};text-decoration:none}}
.read td{{padding:2px 0}}
.reply{{margin-top:14px;font:13px/19px {SANS}}}
.claim{{font:15px/23px {SANS}}}
.from{{margin-top:3px;font:13px/19px {SANS}}}
.foot{{font:13px/20px {SANS}}}
@media only screen and (max-width:480px){{
.wide{{padding-left:20px!important;padding-right:20px!important}}
h1{{font-size:26px!important;line-height:32px!important}}
h2{{font-size:20px!important;line-height:26px!important}}
.prose{{font-size:17px!important;line-height:27px!important}}
}}
"""
MSO = (
    "<!--[if mso]><style>table{border-collapse:collapse;mso-table-lspace:0;mso-table-rspace:0}"
    "td,p,a,span{font-family:'Segoe UI',Arial,sans-serif}"
    "h1,h2,.prose,.why{font-family:Georgia,serif}p{mso-line-height-rule:exactly}</style>"
    "<![endif]-->"
)


def sheets() -> str:
    """Return the style sheets: a program that stumbles over one drops it, and keeps the others."""
    day = "".join(f".{name}{{{kind}:{light}}}\n" for name, kind, light, _ in COLOURS)
    dark = "".join(f".{name}{{{kind}:{night}!important}}\n" for name, kind, _, night in COLOURS)
    outlook = "".join(
        f"[data-{'ogsb' if kind == 'background-color' else 'ogsc'}] .{name}"
        f"{{{kind}:{night}!important}}\n"
        for name, kind, _, night in COLOURS
    )
    blocks = (
        SHEET.strip() + "\n" + day,
        ":root{color-scheme:light dark;supported-color-schemes:light dark}\n"
        f"@media (prefers-color-scheme:dark){{\n{dark}}}\n",
        outlook,
    )
    return "".join(f"<style>{block}</style>\n" for block in blocks)
