"""The life of an exporter process: flags, configuration, listening, signals, reload, end."""

from __future__ import annotations

import gc
import logging
import queue
import signal
import socket
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from .app import Exporter, ExporterApp
from .deadline import Deadline
from .errors import ConfigError, RuntimeFault, UsageError
from .flags import Formatter, parser
from .logs import configure
from .memory import few_arenas
from .plain import Open
from .selfmetrics import ReloadState
from .server import Security, Server, listen, systemd_sockets
from .site import Site, SiteOptions

log = logging.getLogger(__name__)

T = TypeVar("T")
WAKE_SECONDS = 0.5
# A SIGHUP that came before the program could answer it.
_hangup = threading.Event()


class Program:
    """One running exporter. ``serve`` returns when ``stop`` or SIGTERM/SIGINT asks for it."""

    def __init__(self, app: ExporterApp, args: Namespace) -> None:
        self._app = app
        self._args = args
        self._reload_lock = threading.Lock()
        self._state = ReloadState()
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._exporter = self._build(None)
        self._state.timestamp = time.time()
        options = SiteOptions(
            args.telemetry_path, args.lifecycle, args.scrape_timeout, args.timeout_offset, args.strict
        )
        self.site = Site(app, self._exporter, options, self.reload)
        self.addresses: list[tuple[str, int]] = []

    def _build(self, previous: Exporter | None) -> Exporter:
        exporter = self._app.build(self._args, previous)
        metrics = exporter.registry.self_metrics
        metrics.version, metrics.process = self._app.version, not self._args.no_process
        metrics.reload = self._state
        return exporter

    def check(self) -> int:
        """``--config.check``: the application's check, or one scrape printed; 1 when a collector failed."""
        if self._app.check is not None:
            return self._app.check(self._exporter)
        gathered = self._exporter.registry.gather(Deadline.after(self._args.scrape_timeout))
        sys.stdout.write(gathered.render("text").decode())
        for name, reason in sorted(gathered.failures.items()):
            sys.stderr.write(f"collector {name} failed: {reason}\n")
        return 1 if gathered.failures else 0

    def reload(self) -> str | None:
        """Build the configuration anew and swap it in; on a fault the running one stays and the fault is returned."""
        with self._reload_lock:
            old = self._exporter
            try:
                new = self._built_and_started(old)
            except Exception as error:
                # Our own errors are free of secrets; of a foreign one only the type is safe to show.
                fault = str(error) if isinstance(error, RuntimeFault) else type(error).__name__
                self._state.successful = False
                log.error("reload failed, the running configuration stays", extra={"err": fault})
                return fault
            self._exporter = self.site.exporter = new
            self._state.successful, self._state.timestamp = True, time.time()
            if new is not old:
                _close(old, keep=new)
            self._tell_listen(new)
            log.info("configuration reloaded")
            return None

    def _tell_listen(self, new: Exporter) -> None:
        """Warn of an address in the file that is not the one listened on: sockets stay as they are until the end."""
        chosen = self._args.listen or self._args.systemd
        if new.listen and new.listen != self._app.default_listen and not chosen:
            log.warning(
                "listen has changed in the configuration; that takes a restart",
                extra={"listen": new.listen, "still": self._app.default_listen},
            )

    def _built_and_started(self, old: Exporter) -> Exporter:
        new = self._build(old)
        try:
            _run(new.start)
        except BaseException:
            if new is not old:
                _close(new, keep=old)
            raise
        return new

    def serve(self, ready: Callable[[], None] | None = None) -> None:
        """Listen and answer until told to stop; ``ready`` is called when the first request can be taken."""
        args = self._args
        few_arenas()
        try:
            security = _security(args.web_config, self._web_told)
            sockets = systemd_sockets() if args.systemd else _listen_all(args.listen or [self._app.default_listen])
        except BaseException:
            # What the configuration opened (sockets, state) is given back as after a stop.
            _close(self._exporter)
            raise
        self.addresses = [sock.getsockname()[:2] for sock in sockets if sock.family != socket.AF_UNIX]
        server = Server(sockets, self.site.handle, self.site.body_limit, security, args.max_requests, self.site.refused)
        self._catch_signals()
        _run(self._exporter.start)
        # What was loaded so far lives as long as the process: keep the collector from walking it at every scrape. It is not
        # collected first: that would be a twentieth of the start, for 500 objects of garbage.
        gc.freeze()
        server.start()
        self.site.listening = True
        log.info("listening", extra={"addresses": ",".join(f"{host}:{port}" for host, port in self.addresses)})
        if ready is not None:
            ready()
        try:
            self._wait()
        finally:
            self.site.listening = False
            server.stop()
            _close(self._exporter)

    def _web_told(self, usable: bool) -> None:
        self._state.web_usable = usable

    def _catch_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, event in ((signal.SIGTERM, "stop"), (signal.SIGINT, "stop"), (signal.SIGHUP, "reload")):
                signal.signal(number, _putter(self._events, event))
        if _hangup.is_set():
            # The file may have changed after it was read.
            _hangup.clear()
            self._events.put("reload")

    def _wait(self) -> None:
        while (event := self._next_event()) != "stop":
            if event == "reload":
                self.reload()
        log.info("stopping")

    def _next_event(self) -> str | None:
        # Python runs signal handlers in the main thread only, and a signal that the kernel hands to another thread does
        # not wake it: without a timeout SIGTERM would wait for the next signal.
        try:
            return self._events.get(timeout=WAKE_SECONDS)
        except queue.Empty:
            return None

    def stop(self) -> None:
        """End ``serve`` from another thread."""
        self._events.put("stop")


def hold_hangups() -> None:
    """From now on a SIGHUP waits until the exporter serves, and reloads it then: by default it would end a starting process."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGHUP, lambda _number, _frame: _hangup.set())


def early_flags(argv: Sequence[str]) -> Namespace:
    """The flags that matter before the program starts: ``config_file``, ``config_check``, ``print_grants``."""
    early = ArgumentParser(add_help=False, allow_abbrev=False, formatter_class=Formatter)
    early.add_argument("--config.file", "--config", dest="config_file")
    early.add_argument("--config.check", dest="config_check", action="store_true")
    early.add_argument("--print-grants", action="store_true")
    return early.parse_known_args(list(argv))[0]


def first_config(name: str, early: Namespace, load: Callable[[Path], T]) -> T | None:
    """The configuration that program ``name`` begins with; None after telling what is wrong with it. Where it will serve, a SIGHUP
    waits from here on."""
    if not early.config_check:
        hold_hangups()
    try:
        return load(Path(early.config_file))
    except ConfigError as error:
        sys.stderr.writelines(f"{name}: {line}\n" for line in error.lines)
        return None


def _putter(events: queue.SimpleQueue[str], event: str) -> Callable[[int, object], None]:
    return lambda _number, _frame: events.put(event)


def _security(file: str | None, told: Callable[[bool], None]) -> Security:
    if not file:
        return Open()
    from .security import Guarded

    return Guarded(Path(file), told)


def _listen_all(addresses: Sequence[str]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            sockets.append(listen(address))
    except ConfigError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _run(hooks: Sequence[Callable[[], None]]) -> None:
    for hook in hooks:
        hook()


def _close(exporter: Exporter, keep: Exporter | None = None) -> None:
    """Run the close hooks; one that raises does not keep the others from running."""
    hooks = list(exporter.close)
    if keep is None or keep.registry is not exporter.registry:
        hooks.append(exporter.registry.close)
    for hook in hooks:
        try:
            hook()
        except Exception as error:
            log.warning("close hook failed", extra={"err": type(error).__name__})


def run_exporter(app: ExporterApp, argv: Sequence[str] | None = None) -> int:
    """Run an exporter program to its end and return the exit code.

    0 after SIGTERM/SIGINT or a good ``--config.check``, 1 when the configuration or an address cannot be used, 2 on wrong usage.
    """
    args = parser(app).parse_args(argv)
    if not args.config_check:
        hold_hangups()
    configure(args.log_level, args.log_format)
    try:
        if args.config_check:
            _security(args.web_config, lambda usable: None)
        program = Program(app, args)
        if args.config_check:
            return program.check()
        program.serve()
    except ConfigError as error:
        for line in error.lines:
            sys.stderr.write(f"{app.name}: {line}\n")
        return 2 if isinstance(error, UsageError) else 1
    except RuntimeFault as error:
        sys.stderr.write(f"{app.name}: {error}\n")
        return 1
    return 0
