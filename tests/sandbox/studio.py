"""A seed file's content: one studio with a calendar, a service and two appointments."""

from __future__ import annotations

import copy

CALENDAR = "11111111-1111-4111-8111-111111111111"
SERVICE = "22222222-2222-4222-8222-222222222222"
APPOINTMENT = "33333333-3333-4333-8333-333333333333"
ORGANIZATION = "44444444-4444-4444-8444-444444444444"
FREE = "55555555-5555-4555-8555-555555555555"

SEED = {
    "organizations": [
        {
            "id": ORGANIZATION,
            "name": "Studio Luz",
            "accessKeyId": "luz",
            "secretAccessKey": "luz-secret",
            "calendars": [{"id": CALENDAR, "name": "Alba", "type": "agent"}],
            "services": [
                {
                    "id": SERVICE,
                    "name": "Portrait",
                    "duration": 60,
                    "calendars": [{"calendarId": CALENDAR, "active": True, "type": "agent"}],
                }
            ],
            "appointments": [
                {
                    "id": APPOINTMENT,
                    "serviceId": SERVICE,
                    "start": "2026-05-01T12:00:00+02:00",
                    "end": "2026-05-01T11:00:00Z",
                    "agentComment": "Brings a dog",
                },
                {"id": FREE, "start": "2026-05-02T10:00:00Z", "end": "2026-05-02T10:30:00Z"},
            ],
        }
    ]
}


def changed(path, value):
    """Give the seed with one member of its organization changed; None leaves it out."""
    seed = copy.deepcopy(SEED)
    target = seed["organizations"][0]
    *steps, last = path
    for step in steps:
        target = target[step]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return seed
