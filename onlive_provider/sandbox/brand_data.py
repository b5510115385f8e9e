"""The brand's dealerships, offers and names: plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dealership:
    """One place of the brand.

    :param key: short name that ids are made of.
    :param phone: how its guests' invented numbers begin, in international form.
    :param closed: first and last day (MM-DD) of a year on which advisory calls are closed; None for never.
    """

    key: str
    city: str
    country: str
    street: str
    timezone: str
    lang: str
    phone: str
    closed: tuple[str, str] | None
    agents: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of service that every dealership has.

    :param duration: minutes; so are time_between and increment.
    :param min_days: how many days ahead it must be booked.
    :param calendars: groups of calendar keys; an appointment takes one calendar of each group.
    :param closed: first and last day (MM-DD) of a year on which it is closed everywhere; None for never.
    """

    key: str
    name: str
    description: str
    duration: int
    time_between: int
    increment: int
    min_days: int
    is_call: bool
    calendars: tuple[tuple[str, ...], ...]
    closed: tuple[str, str] | None = None


CARS = ("Alba One", "Alba Terra")
SUMMER = ("06-15", "09-15")

OFFERS = (
    Offer(
        "test-drive",
        "Test drive",
        "A drive of 45 minutes with an adviser. Bring a valid licence.",
        duration=45,
        time_between=15,
        increment=15,
        min_days=0,
        is_call=False,
        calendars=(("agent-0", "agent-1"), ("car-0", "car-1")),
    ),
    Offer(
        "advisory-call",
        "Advisory call",
        "A video call about models, prices and delivery times.",
        duration=30,
        time_between=0,
        increment=30,
        min_days=0,
        is_call=True,
        calendars=(("agent-0", "agent-1"),),
    ),
    Offer(
        "workshop",
        "Workshop visit",
        "Inspection, tyres and software updates.",
        duration=60,
        time_between=0,
        increment=30,
        min_days=1,
        is_call=False,
        calendars=(("bay",),),
        closed=("08-01", "08-31"),
    ),
    Offer(
        "handover",
        "Car handover",
        "The keys, the papers and a first tour of the car.",
        duration=90,
        time_between=0,
        increment=30,
        min_days=0,
        is_call=False,
        calendars=(("agent-0", "agent-1"),),
        closed=("12-24", "12-31"),
    ),
)

_SPANISH = (
    ("Lucía", "Martín", "Sofía", "Hugo", "Paula", "Daniel", "Carmen", "Álvaro", "Inés", "Pablo"),
    ("García", "Fernández", "López", "Martínez", "Sánchez", "Pérez", "Gómez", "Ruiz", "Navarro", "Iglesias"),
)
_CATALAN = (
    ("Marta", "Jordi", "Laia", "Pau", "Núria", "Oriol", "Mireia", "Arnau", "Anna", "Marc"),
    ("Puig", "Serra", "Vila", "Ferrer", "Soler", "Roca", "Bosch", "Riera", "Costa", "Pujol"),
)
_PORTUGUESE = (
    ("Inês", "João", "Beatriz", "Tiago", "Mariana", "Rui", "Leonor", "Diogo", "Catarina", "Miguel"),
    ("Silva", "Santos", "Ferreira", "Pereira", "Oliveira", "Costa", "Rodrigues", "Almeida", "Lopes", "Sousa"),
)
_ENGLISH = (
    ("Olivia", "Harry", "Amelia", "George", "Isla", "Oscar", "Priya", "Callum", "Grace", "Imran"),
    ("Smith", "Taylor", "Patel", "Wilson", "Evans", "Khan", "Roberts", "Walker", "Hughes", "Clarke"),
)
_FRENCH = (
    ("Camille", "Louis", "Chloé", "Jules", "Manon", "Théo", "Léa", "Hugo", "Inès", "Antoine"),
    ("Martin", "Bernard", "Dubois", "Moreau", "Laurent", "Lefèvre", "Roux", "Girard", "Bonnet", "Mercier"),
)
_GERMAN = (
    ("Anna", "Jonas", "Lena", "Felix", "Marie", "Paul", "Greta", "Moritz", "Clara", "Jürgen"),
    ("Müller", "Schmidt", "Weber", "Wagner", "Becker", "Hoffmann", "Koch", "Richter", "Groß", "Krüger"),
)
_AMERICAN = (
    ("Emma", "Noah", "Ava", "Liam", "Maya", "Ethan", "Zoe", "Jordan", "Chloe", "Diego"),
    ("Johnson", "Williams", "Brown", "Davis", "Rivera", "Nguyen", "Anderson", "Moore", "Jackson", "Lee"),
)
_NORWEGIAN = (
    ("Ingrid", "Lars", "Sigrid", "Olav", "Kari", "Henrik"),
    ("Hansen", "Johansen", "Olsen", "Larsen", "Sørensen", "Berg"),
)

DEALERSHIPS = (
    Dealership(
        "madrid",
        "Madrid",
        "Spain",
        "Calle de Alcalá 412",
        "Europe/Madrid",
        "es",
        "+346000",
        SUMMER,
        ("Elena Prieto", "Javier Molina"),
        *_SPANISH,
    ),
    Dealership(
        "barcelona",
        "Barcelona",
        "Spain",
        "Avinguda Diagonal 220",
        "Europe/Madrid",
        "es",
        "+346001",
        SUMMER,
        ("Clara Ribas", "Toni Casals"),
        *_CATALAN,
    ),
    Dealership(
        "las-palmas",
        "Las Palmas",
        "Spain",
        "Avenida Marítima 18",
        "Atlantic/Canary",
        "es",
        "+346002",
        None,
        ("Nira Santana", "Airam Medina"),
        *_SPANISH,
    ),
    Dealership(
        "lisbon",
        "Lisbon",
        "Portugal",
        "Avenida da Liberdade 95",
        "Europe/Lisbon",
        "pt",
        "+351910",
        SUMMER,
        ("Rita Nunes", "Pedro Vaz"),
        *_PORTUGUESE,
    ),
    Dealership(
        "london",
        "London",
        "United Kingdom",
        "Great West Road 7",
        "Europe/London",
        "en",
        "+447700900",
        None,
        ("Holly Marsh", "Samir Rahman"),
        *_ENGLISH,
    ),
    Dealership(
        "paris",
        "Paris",
        "France",
        "Avenue de la Grande Armée 61",
        "Europe/Paris",
        "fr",
        "+336390",
        SUMMER,
        ("Élise Caron", "Marc Fontaine"),
        *_FRENCH,
    ),
    Dealership(
        "berlin",
        "Berlin",
        "Germany",
        "Kurfürstendamm 145",
        "Europe/Berlin",
        "de",
        "+491520",
        None,
        ("Katrin Vogel", "Nils Brandt"),
        *_GERMAN,
    ),
    Dealership(
        "new-york",
        "New York",
        "United States",
        "11th Avenue 620",
        "America/New_York",
        "en",
        "+1212555",
        None,
        ("Rachel Stone", "Andre Bailey"),
        *_AMERICAN,
    ),
    Dealership(
        "mexico-city",
        "Mexico City",
        "Mexico",
        "Avenida Insurgentes Sur 1605",
        "America/Mexico_City",
        "es",
        "+52550",
        None,
        ("Ximena Ortega", "Raúl Cordero"),
        *_SPANISH,
    ),
    Dealership(
        "oslo",
        "Oslo",
        "Norway",
        "Økernveien 99",
        "Europe/Oslo",
        "no",
        "+47400",
        None,
        ("Astrid Dahl", "Magnus Lie"),
        *_NORWEGIAN,
    ),
)
"""The last one belongs to another organization."""
