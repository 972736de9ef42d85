"""Show all metrics on a port of their own, whichever process of the service has it.

The first process that binds the port adds up what all of them counted, when it is asked; where it
ends, the next one binds it within a second. A port cannot be bound twice, so nobody is elected.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from serving.exporter.gauges import Sample, families

BIND_SECONDS = 1.0


class _Read(Collector):
    """What is read when Prometheus asks."""

    def __init__(self, readers: Iterable[Callable[[], list[Sample]]]) -> None:
        self._readers = tuple(readers)

    def collect(self) -> Iterator[Metric]:
        """Read all gauges."""
        yield from families(sample for read in self._readers for sample in read())


class MetricsPort:
    """The port of the metrics, from the point of view of one process.

    Parameters
    ----------
    host : str
        Address of this machine.
    port : int
        The port.
    folder : Path
        Where the processes of this service count.
    readers : iterable of callable
        Each returns samples of gauges.
    refresh : callable
        Refreshes what readers keep; called by the process that has the port alone.
    """

    def __init__(
        self,
        host: str,
        port: int,
        folder: Path,
        readers: Iterable[Callable[[], list[Sample]]],
        refresh: Callable[[], None],
    ) -> None:
        self._host, self._port, self._refresh = host, port, refresh
        self._registry = CollectorRegistry()
        MultiProcessCollector(self._registry, str(folder))  # type: ignore[no-untyped-call]
        self._registry.register(_Read(readers))
        self.is_bound = False

    def bind(self) -> None:
        """Show the metrics, unless another process of the service does."""
        if self.is_bound:
            return
        try:
            start_http_server(self._port, self._host, self._registry)
        except OSError:
            return
        self.is_bound = True
        self._refresh()

    def refresh(self) -> None:
        """Refresh what readers keep, if this process shows it."""
        if self.is_bound:
            self._refresh()
