"""Services in several time zones that are to open for the summer, one of which the API refuses to change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from onlive_provider.rollout.batches import read_batches, split
from onlive_provider.sandbox.brand import build_brand
from onlive_provider.sandbox.clock import to_text
from onlive_provider.sandbox.store import Store

CITIES = {
    "America/Mexico_City": ("Celaya", "León", "Mexico City", "Morelia", "Oaxaca", "Puebla", "Toluca", "Xalapa"),
    "America/New_York": ("Albany", "Atlanta", "Boston", "Buffalo", "Miami", "Newark", "Raleigh", "Tampa"),
    "Asia/Tokyo": ("Fukuoka", "Kobe", "Kyoto", "Nagoya", "Osaka", "Sapporo", "Sendai", "Tokyo"),
    "Europe/Lisbon": ("Aveiro", "Braga", "Coimbra", "Évora", "Faro", "Lisbon", "Porto", "Setúbal"),
    "Europe/Madrid": ("Barcelona", "Bilbao", "Madrid", "Málaga", "Murcia", "Seville", "Valencia", "Zaragoza"),
}
REFUSING_ZONE = "Europe/Lisbon"
BATCHES = ("10%", "50%", "100%")
"""Those of the example DAGs: of eight services one, then three more, then the rest."""
OFFER = "Summer studio"
"""What every service of the fleet is called, before its city."""
DURATION, ALLOWED, TOO_MUCH = 45, 15, 60
"""Minutes: a service's ``duration``, an ``incrementTime`` that fits it, and one that does not."""


@dataclass(frozen=True)
class Fleet:
    """Where the services are.

    :param data: the data file of a sandbox.
    :param refusing: id of the service that the API refuses to change, in its zone's second batch: its
        ``incrementTime`` exceeds its ``duration``, as in a record that is older than the rule.
    :param conf: the parameters of the rollout DAGs.
    """

    data: Path
    refusing: str
    conf: dict[str, str]


def write_fleet(
    folder: Path, now: datetime, *, zones: Collection[str] = tuple(CITIES), beside_brand: bool = False
) -> Fleet:
    """Write the data file: services that are open until the middle of June, eight in each zone.

    :param zones: some of :data:`CITIES`.
    :param beside_brand: whether the sandbox's own services and appointments are in the file too.
    """
    year = now.year + 1
    brand = build_brand(now)
    organization = brand["organizations"][0]
    example = organization["services"][0]
    services = [
        {
            **example,
            "id": _id(city),
            "name": f"{OFFER} · {city}",
            "dateRanges": [_days(date(year - 1, 10, 1), date(year, 6, 14), zone)],
            "extraFields": {"city": city, "timezone": zone},
            "duration": DURATION,
            "incrementTime": ALLOWED,
            "calendars": [],
        }
        for zone in zones
        for city in CITIES[zone]
    ]
    refusing = batches_of(REFUSING_ZONE)[1][-1]
    for service in services:
        if service["id"] == refusing:
            service["incrementTime"] = TOO_MUCH
    if beside_brand:
        organization["services"] += services
    else:
        organization |= {"services": services, "appointments": []}
    data = folder / "fleet.sqlite"
    store = Store(data)
    store.load(brand)
    store.close()
    conf = {"search": OFFER, "first_day": f"{year}-06-15", "last_day": f"{year}-09-15"}
    return Fleet(data, refusing, conf)


def batches_of(zone: str) -> list[list[str]]:
    """Return the ids of a zone's services, batch by batch, as the provider orders them."""
    return split([_id(city) for city in CITIES[zone]], read_batches(BATCHES, "batches"), "batches")


def _id(city: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"onlive demo fleet {city}"))


def _days(first: date, last: date, zone: str) -> dict[str, str]:
    ends = datetime.combine(first, time.min, ZoneInfo(zone)), datetime.combine(last, time(23, 59, 59), ZoneInfo(zone))
    return dict(zip(("startDate", "endDate"), (to_text(end.astimezone(UTC)) for end in ends), strict=True))
