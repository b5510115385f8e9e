"""The believable brand that a sandbox comes with: car dealerships' services and appointments around today."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from unicodedata import normalize
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from onlive_provider.sandbox import brand_reference
from onlive_provider.sandbox.brand_data import CARS, DEALERSHIPS, OFFERS, Dealership, Offer
from onlive_provider.sandbox.clock import to_text
from onlive_provider.sandbox.records import whole_appointment, whole_service

ACCESS_KEY_ID = "onlive-sandbox"
SECRET_ACCESS_KEY = "onlive-sandbox-secret"
OTHER_ACCESS_KEY_ID = "onlive-other"
OTHER_SECRET_ACCESS_KEY = "onlive-other-secret"

_NAMESPACE = UUID("5b0e8f4e-6c0c-4d0a-9d53-0e6f1c1f7a10")
_DAYS_BACK = 14
_DAYS_AHEAD = 28
_OPENS = time(9, 30)
_CLOSES = time(18, 30)
_SUNDAY = 6

Busy = dict[str, list[tuple[datetime, datetime]]]


def id_of(name: str) -> str:
    """Give the id of a record of the brand by its name, e.g. ``service/madrid/test-drive``."""
    return str(uuid5(_NAMESPACE, name))


def build_brand(now: datetime) -> dict[str, Any]:
    """Make the brand's two organizations in a seed's form, with whole records.

    Ids are the same whenever it is made; appointments lie from two weeks before to four weeks after today.

    :param now: the present instant, aware.
    """
    own = _organization("Alba Motors", ACCESS_KEY_ID, SECRET_ACCESS_KEY, DEALERSHIPS[:-1], 12, now)
    other = _organization("Norden Auto", OTHER_ACCESS_KEY_ID, OTHER_SECRET_ACCESS_KEY, DEALERSHIPS[-1:], 3, now)
    _add_reference(own, now)
    return {"organizations": [own, other]}


def _add_reference(organization: dict[str, Any], now: datetime) -> None:
    calendars = [
        {"id": id_of(f"calendar/mollet/{key}"), "name": name, "type": kind}
        for key, name, kind in (("agent", "Núria Pons", "agent"), ("room", "Demo Room 1", "asset"))
    ]
    types = {each["id"]: each["type"] for each in calendars}
    service = brand_reference.reference_service(organization["id"], types, now)
    organization["calendars"] += calendars
    organization["services"].append(service)
    organization["appointments"].append(brand_reference.reference_appointment(service, now))


def _organization(
    name: str,
    access_key_id: str,
    secret_access_key: str,
    dealerships: tuple[Dealership, ...],
    appointments_per_service: int,
    now: datetime,
) -> dict[str, Any]:
    organization_id = id_of(f"organization/{name}")
    random = Random(name)
    organization: dict[str, Any] = {
        "id": organization_id,
        "name": name,
        "accessKeyId": access_key_id,
        "secretAccessKey": secret_access_key,
        "calendars": [],
        "services": [],
        "appointments": [],
    }
    for dealership in dealerships:
        organization["calendars"] += _calendars(dealership)
        busy: Busy = {}
        for offer in OFFERS:
            service = _service(dealership, offer, organization_id, now)
            organization["services"].append(service)
            slots = _slots(dealership, service, busy, appointments_per_service, random, now)
            for number, (start, end, calendar_ids) in enumerate(slots):
                given = _appointment(dealership, offer, number, start, random)
                given |= {"start": to_text(start), "end": to_text(end), "calendarIds": calendar_ids}
                given["state"] = _state(start, now, random)
                created = min(now, start) - timedelta(days=random.randint(3, 20), minutes=random.randint(0, 600))
                organization["appointments"].append(whole_appointment(given, service, organization_id, created))
    return organization


def _calendars(dealership: Dealership) -> list[dict[str, str]]:
    calendars = [(f"agent-{number}", name, "agent") for number, name in enumerate(dealership.agents)]
    calendars += [(f"car-{number}", f"{car} {dealership.city}", "asset") for number, car in enumerate(CARS)]
    calendars.append(("bay", f"Workshop bay {dealership.city}", "asset"))
    return [
        {"id": id_of(f"calendar/{dealership.key}/{key}"), "name": name, "type": kind} for key, name, kind in calendars
    ]


def _service(dealership: Dealership, offer: Offer, organization_id: str, now: datetime) -> dict[str, Any]:
    given = {
        "id": id_of(f"service/{dealership.key}/{offer.key}"),
        "name": f"{offer.name} · {dealership.city}",
        "duration": offer.duration,
        "timeBetween": offer.time_between,
        "minTimeToSchedule": offer.min_days,
        "maxTimeToSchedule": 120,
        "incrementTime": offer.increment,
        "extraFields": {
            "city": dealership.city,
            "country": dealership.country,
            "street": dealership.street,
            "timezone": dealership.timezone,
            "contact": f"{offer.key}.{dealership.key}@example.com",
        },
        "hasICall": offer.is_call,
        "dateRanges": _date_ranges(offer.closed or (dealership.closed if offer.is_call else None), dealership, now),
        "calendars": [
            {"calendarId": id_of(f"calendar/{dealership.key}/{key}"), "active": True, "type": _type_of(key)}
            for group in offer.calendars
            for key in group
        ],
        "image": f"https://cdn.example.com/{offer.key}.webp",
        "userGroupId": id_of(f"group/{dealership.key}"),
        "typeId": id_of(f"type/{offer.key}"),
    }
    return whole_service(given, organization_id, datetime(now.year - 1, 9, 1, 8, tzinfo=UTC))


def _type_of(calendar_key: str) -> str:
    return "agent" if calendar_key.startswith("agent") else "asset"


def _date_ranges(closed: tuple[str, str] | None, dealership: Dealership, now: datetime) -> list[dict[str, str]]:
    """Cover last October to the end of next year, less the days of each year on which the service is closed.

    :param closed: first and last closed day of a year, as MM-DD; None for an open year.
    """
    first, last = date(now.year - 1, 10, 1), date(now.year + 1, 12, 31)
    ranges = []
    for year in range(first.year, last.year + 1) if closed else ():
        assert closed is not None
        closes, opens = date.fromisoformat(f"{year}-{closed[0]}"), date.fromisoformat(f"{year}-{closed[1]}")
        if closes > first:
            ranges.append((first, closes - timedelta(days=1)))
        first = max(first, opens + timedelta(days=1))
    if first <= last:
        ranges.append((first, last))
    zone = ZoneInfo(dealership.timezone)
    return [
        {
            "startDate": to_text(datetime.combine(begin, time.min, zone)),
            "endDate": to_text(datetime.combine(end, time(23, 59, 59), zone)),
        }
        for begin, end in ranges
    ]


def _slots(
    dealership: Dealership, service: dict[str, Any], busy: Busy, count: int, random: Random, now: datetime
) -> list[tuple[datetime, datetime, list[str]]]:
    """Choose free slots in working hours, one group of calendars each, in the order of time."""
    zone = ZoneInfo(dealership.timezone)
    length, step = timedelta(minutes=service["duration"]), timedelta(minutes=service["incrementTime"])
    margin = timedelta(minutes=service["timeBetween"])
    today = now.astimezone(zone).date()
    days = [today + timedelta(days=offset) for offset in range(-_DAYS_BACK, _DAYS_AHEAD)]
    days = [day for day in days if day.weekday() != _SUNDAY]
    groups = _calendar_groups(service, dealership)
    found = []
    for day in random.sample(days, count):
        opens, closes = datetime.combine(day, _OPENS, zone), datetime.combine(day, _CLOSES, zone)
        start = opens + step * random.randrange((closes - opens - length) // step + 1)
        calendar_ids = random.choice(groups)
        span = start.astimezone(UTC), (start + length).astimezone(UTC)
        kept_free = span[0] - margin, span[1] + margin
        if _is_open(service, *span) and not any(_overlaps(busy.get(each, ()), *kept_free) for each in calendar_ids):
            for each in calendar_ids:
                busy.setdefault(each, []).append(span)
            found.append((*span, calendar_ids))
    return sorted(found)


def _calendar_groups(service: dict[str, Any], dealership: Dealership) -> list[list[str]]:
    """List the ways to fill an appointment: one calendar of each group of the offer."""
    offer = next(each for each in OFFERS if service["typeId"] == id_of(f"type/{each.key}"))
    ways: list[list[str]] = [[]]
    for group in offer.calendars:
        ways = [[*way, id_of(f"calendar/{dealership.key}/{key}")] for way in ways for key in group]
    return ways


def _is_open(service: dict[str, Any], start: datetime, end: datetime) -> bool:
    return any(
        each["startDate"] <= to_text(start) and to_text(end) <= each["endDate"] for each in service["dateRanges"]
    )


def _overlaps(taken: Any, start: datetime, end: datetime) -> bool:
    return any(begin < end and start < finish for begin, finish in taken)


def _appointment(dealership: Dealership, offer: Offer, number: int, start: datetime, random: Random) -> dict[str, Any]:
    guests = [_guest(dealership, random)]
    if random.random() < 0.15:
        guests.append(_guest(dealership, random))
        if guests[0]["email"] == guests[1]["email"]:
            guests.pop()
    name = f"{guests[0]['extraFields']['firstName']} {guests[0]['extraFields']['lastName']}"
    key = f"{dealership.key}/{offer.key}/{number:02}"
    return {
        "id": id_of(f"appointment/{key}"),
        "title": f"{offer.name} · {name}",
        "description": offer.description,
        "lang": dealership.lang,
        "event": {"iCallUrl": f"https://meet.example.com/{key.replace('/', '-')}", "room": None}
        if offer.is_call
        else None,
        "reminders": random.choice([[], [{"time": 60, "unit": "m"}], [{"time": 1440, "unit": "m"}]]),
        "guests": guests,
        "extraFields": {"source": random.choice(["web", "phone", "showroom", "campaign"])},
        "origin": random.choice(["web", "api", "widget"]),
    }


def _guest(dealership: Dealership, random: Random) -> dict[str, Any]:
    first, last = random.choice(dealership.first_names), random.choice(dealership.last_names)
    return {
        "email": f"{_ascii(first)}.{_ascii(last)}@example.com",
        "extraFields": {
            "firstName": first,
            "lastName": last,
            "phone": f"{dealership.phone}{random.randrange(10**5):05}",
        },
    }


def _ascii(name: str) -> str:
    plain = normalize("NFKD", name.lower().replace("ß", "ss").replace("ø", "o"))
    return "".join(character for character in plain if "a" <= character <= "z")


def _state(start: datetime, now: datetime, random: Random) -> str:
    chance = random.random()
    if chance < 0.05:
        return "cancelled"
    return "pending" if start > now and chance < 0.6 else "confirmed"
