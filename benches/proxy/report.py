"""Tables of what was measured, as Markdown."""
import os
import statistics

from loads import LOADS

ANCHOR = "nginx"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 "unknown")
    return {"processor": model, "cores": os.cpu_count(), "kernel": os.uname().release}


def page(results):
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    about = results["machine"]
    parts = [f"{about['processor']}, {about['cores']} cores, Linux {about['kernel']}. {versions}."]
    for name in unique(results["rounds"], "load"):
        parts.append(load_table(name, [row for row in results["rounds"] if row["load"] == name]))
    if results["calls"]:
        parts.append(calls_table(results["calls"]))
    if results["instructions"]:
        parts.append(instructions_table(results["instructions"]))
    if results["memory"]:
        parts.append(memory_table(results["memory"]))
    if results["skipped"]:
        parts.append("Left out:\n\n" + "\n".join(f"* {each}" for each in dict.fromkeys(results["skipped"])))
    return "\n\n".join(parts)


def load_table(name, rows):
    anchor = {row["round"]: row for row in rows if row["proxy"] == ANCHOR}
    lines = []
    for proxy in unique(rows, "proxy"):
        own = [row for row in rows if row["proxy"] == proxy]
        cells = [proxy, number(median(own, "cpu")), *ratio(own, anchor, "cpu"),
                 f"{median(own, 'user') * 100:.0f} %", f"{median(own, 'per_second'):,.0f}",
                 ratio(own, anchor, "per_second")[0], number(median(own, "p50")), number(median(own, "p99"))]
        lines.append(cells)
    busy = [row["load_average"] for row in rows]
    count = 1 + max(row["round"] for row in rows)
    return (f"### {LOADS[name].title}\n\n`{name}`, rounds: {count}, load average {min(busy):.1f} to {max(busy):.1f}.\n\n"
            + table(["proxy", "CPU/request, µs", f"÷ {ANCHOR}", "least to most", "user mode", "requests/s",
                     f"÷ {ANCHOR}", "p50, ms", "p99, ms"], lines))


def ratio(rows, anchor, what):
    """The median of the ratios to the anchor in the same round, and their range."""
    found = [row[what] / anchor[row["round"]][what] for row in rows
             if row["round"] in anchor and anchor[row["round"]][what]]
    if not found:
        return "", ""
    return f"{statistics.median(found):.2f}", f"{min(found):.2f} to {max(found):.2f}"


def calls_table(rows):
    lines = [[row["proxy"], row["load"], f"{row['per_request']:.2f}",
              ", ".join(f"{name} {count:.2f}" for name, count in row["most"].items() if count >= 0.005)]
             for row in rows]
    return "### System calls for a request\n\n" + table(["proxy", "load", "all", "of these"], lines)


def instructions_table(rows):
    anchor = next((row["per_request"] for row in rows if row["proxy"] == ANCHOR), None)
    lines = [[row["proxy"], f"{row['per_request']:,.0f}", f"{row['per_request'] / anchor:.2f}" if anchor else ""]
             for row in rows]
    return ("### Instructions in user mode for a small request of HTTP/1.1\n\n"
            + table(["proxy", "instructions", f"÷ {ANCHOR}"], lines))


def memory_table(rows):
    lines = []
    for row in rows:
        anchor = next((each for each in rows if each["proxy"] == ANCHOR and each["speaks"] == row["speaks"]), None)
        cells = [row["proxy"], {"h1": "HTTP/1.1", "tls": "TLS"}[row["speaks"]]]
        for what, unit in (("idle", 1 << 20), ("waiting", 1 << 10), ("busy", 1 << 10)):
            cells.append(f"{row[what] / unit:.1f}")
            cells.append(f"{row[what] / anchor[what]:.2f}" if anchor and anchor[what] > 0 else "")
        lines.append(cells)
    return "### Memory\n\n" + table(
        ["proxy", "speaks", "idle process, MiB", f"÷ {ANCHOR}", "idle connection, KiB", f"÷ {ANCHOR}",
         "busy connection, KiB", f"÷ {ANCHOR}"], lines)


def faults(results):
    """What makes figures worthless."""
    rows = results["rounds"] + results["calls"]
    return [f"{row['load']}, {row['proxy']}: {row['errors']}" for row in rows if row["errors"]]


def table(head, lines):
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


def median(rows, what):
    found = [row[what] for row in rows if row[what] is not None]
    return statistics.median(found) if found else None


def number(value):
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def unique(rows, what):
    return list(dict.fromkeys(row[what] for row in rows))
