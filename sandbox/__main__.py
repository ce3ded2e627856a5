"""The sandbox's command: `python -m sandbox --port 8650 --seed 7 --accounts 1000`."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from urllib.parse import urlsplit

from sandbox.backend import Backend, WorldBackend
from sandbox.scenario import ScenarioBackend, ScenarioError
from sandbox.servers.app import create_app, listen, serve
from sandbox.servers.control import Control, Landing
from sandbox.servers.wire import API_KEY


def parser() -> argparse.ArgumentParser:
    """Return the command's argument parser."""
    out = argparse.ArgumentParser(
        prog="sandbox",
        description="Serve a company that does not exist over the protocols of HubSpot, Encharge and Stripe.",
    )
    out.add_argument("--port", type=int, default=8650, help="the port to listen on; 0 takes a free one (8650)")
    out.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    out.add_argument("--seed", type=int, default=7, help="the world's seed (7)")
    out.add_argument("--accounts", type=int, default=1000, help="how many accounts the world has (1000)")
    out.add_argument("--hard", action="store_true", help="a world whose records are hard to tell apart and together")
    out.add_argument("--date", type=date.fromisoformat, help="the world's present day, YYYY-MM-DD (today)")
    out.add_argument("--scenario", type=Path, metavar="DIR", help="serve DIR/<provider>/<stream>.json instead")
    out.add_argument("--ledger", type=Path, metavar="DIR", help="write the company's ledger CSVs into DIR")
    out.add_argument("--landing", type=Path, metavar="DIR", help="write Encharge's events into DIR/encharge/inbox")
    out.add_argument("--landing-url", metavar="URL", help="post Encharge's new events to this address")
    return out


def open_backend(options: argparse.Namespace) -> Backend:
    """Return the backend that the options describe; raises ScenarioError, or ValueError for impossible options."""
    if options.scenario is not None:
        now = datetime.combine(options.date, time(), UTC) if options.date else datetime.now(UTC).replace(microsecond=0)
        return ScenarioBackend(options.scenario, now)
    if options.accounts < 1:
        raise ValueError("--accounts must be at least 1")
    from sandbox.world import World  # a scenario does without it

    return WorldBackend(
        World(options.seed, options.accounts, options.date or datetime.now(UTC).date(), hard=options.hard)
    )


def environment(backend: Backend, base_url: str, options: argparse.Namespace) -> list[str]:
    """Return the lines that point Throughline at this sandbox."""
    lines = []
    for name in backend.providers:
        lines.append(f"THROUGHLINE_{name.upper()}_BASE_URL={base_url}/{name}")
        lines.append(f"THROUGHLINE_{name.upper()}_API_KEY={API_KEY}")
    lines.append(f"THROUGHLINE_AS_OF={backend.now.isoformat().replace('+00:00', 'Z')}")
    if options.ledger is not None:
        lines.append(f"THROUGHLINE_LEDGER_DIR={options.ledger.resolve()}")
    if options.landing_url:
        address = urlsplit(options.landing_url)
        secret = address.path.rstrip("/").rpartition("/")[2]
        if secret:
            lines.append(f"THROUGHLINE_LANDING_SECRET={secret}")
        if address.port:
            lines.append(f"THROUGHLINE_LANDING_PORT={address.port}")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sandbox until SIGTERM; returns the exit code (2 for options that cannot be served)."""
    options = parser().parse_args(argv)
    try:
        bound = listen(options.host, options.port)
    except (OSError, OverflowError) as problem:
        print(f"sandbox: cannot listen on {options.host}:{options.port}: {problem}", file=sys.stderr)
        return 2
    try:
        control = Control(open_backend(options), Landing(options.landing, options.landing_url), options.ledger)
        control.prepare()
    except (ScenarioError, ValueError, OSError) as problem:
        bound.close()
        print(f"sandbox: {problem}", file=sys.stderr)
        return 2
    # The world stays: nothing in it is worth the collector's time.
    gc.collect()
    gc.freeze()
    host, port = bound.getsockname()[:2]
    base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def ready() -> None:
        # an empty line ends the settings for whoever reads them from a pipe
        print("\n".join(["ready", *environment(control.backend, base_url, options), ""]), flush=True)

    serve(create_app(control), bound, ready)
    return 0


if __name__ == "__main__":
    sys.exit(main())
