"""Show what the demo found: to a marketer, in tables and sentences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from guanjia.jobs.demo import LIST, Demo
from guanjia.terminal.model_tables import model_tables
from guanjia.terminal.output import Table, short_path, table


def show_first_look(demo: Demo) -> list[Table | str]:
    """Show what is known before any model is trained: stars and segments."""
    from training.models import MODELS

    return [
        "",
        _show_stars(demo),
        table("The same customers by segment", demo.segments),
        f"Next, {len(MODELS)} models are trained on seven years of history. That takes minutes.",
        "",
    ]


def _show_stars(demo: Demo) -> Table:
    return table(f"{demo.customers:,} customers by star as of {demo.as_of}", demo.stars)


def show_results(demo: Demo) -> list[Table | str]:
    """Show the results to a marketer, and what to type next."""
    first = demo.top[0]["customer_id"] if demo.top else "CUSTOMER"
    total = sum(demo.seconds.values())
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in demo.seconds.items())
    return [
        "",
        _show_stars(demo),
        "",
        f"Commercial cover of {demo.expiring:,} customers ends within 60 days and is not renewed "
        f"yet: about {demo.leaving:,.0f} of them will not renew{_between(demo.leaving_interval)}"
        f", {demo.doubtful:,} of them more likely than not.",
        f"Of {demo.insured:,} customers with motor cover, about {demo.churning:,.0f}"
        f"{_between(demo.churning_interval)} will be without it within 180 days.",
        "In brackets: 95% prediction intervals.",
        "",
        *model_tables(demo.models),
        f"Reports with all figures: {_short(demo.home / 'reports')}/<model>/<version>/report.html",
        f"{demo.as_of} is published{_with_broken_bounds(demo)}, for the API, lists and capacity.",
        *([f"Not served, a gate fails: {', '.join(demo.kept_out)}."] if demo.kept_out else []),
        "",
        *_show_list(demo),
        "",
        f"Done in {total:.0f} s: {steps}.",
        "Next:",
        f"  guanjia rate {first} --as-of {demo.as_of}        why this star",
        f'  guanjia list {LIST} --where "star >= 3 and renewal < 0.6" --top 500 --out list.csv',
        "  guanjia train renewal; guanjia compare renewal   a challenger, beside the champion",
        "  guanjia serve                                    API and console, on the morning after:",
        f"      http://127.0.0.1:3000/console   user {demo.console_user}, password "
        f"{demo.console_password} (shown once)",
        "      http://127.0.0.1:3000/docs      with a token of `guanjia token`",
    ]


def _with_broken_bounds(demo: Demo) -> str:
    """Say that the demo accepted broken bounds."""
    return f" with {demo.broken_bounds} broken bounds" if demo.broken_bounds else ""


def _between(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:,.0f} to {interval[1]:,.0f})"


def _show_list(demo: Demo) -> list[Table | str]:
    if demo.list_file is None:
        return [f"No list {LIST}: its model is not served."]
    title = f"Top of {demo.rows:,} on the list {LIST}: {_short(demo.list_file)}"
    why = "why: what lowers this customer's probability of renewal most, by its strongest tags."
    return [table(title, top_rows(demo.top)), why]


def _short(path: Path | None) -> str:
    """Shorten a path below the current folder; a dash for None."""
    return "-" if path is None else short_path(path)


def top_rows(preview: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Format the first rows of a list for a table: both languages of a reason in one cell."""
    return [
        {name: value for name, value in row.items() if name != "why_english"}
        | {"why": f"{row['why']}\n{row['why_english']}"}
        for row in preview
    ]
