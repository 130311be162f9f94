"""A data platform's producer: kafka-python, no code of Trackline's. Publishes COUNT events to events.inbound.v1, one in a hundred of them
broken, in ten ways by turns, and prints as JSON what it sent. Every message carries the header "run", so that its dead letters can be found.

  publish.py BROKERS TOPIC ORGANIZATION RUN COUNT EXTERNAL_ID…
"""

import json
import sys

from kafka import KafkaProducer

brokers, topic, organization, run, count, *contacts = sys.argv[1:]
source = f"/organizations/{organization}/warehouse"
producer = KafkaProducer(bootstrap_servers=brokers.split(","), acks="all", linger_ms=5, retries=5)


def message(n):
    contact = contacts[n % len(contacts)]
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{run}-{n}",
        "ce_source": source,
        "ce_type": "com.trackline.event.track",
        "content-type": "application/json",
        "run": run,
    }
    body = {"name": "stock_moved", "contactExternalId": contact, "properties": {"n": n}}
    return headers, body


def raw(body):
    return json.dumps(body).encode()


def without(headers, name):
    return {key: value for key, value in headers.items() if key != name}


# Each takes headers and body of a good message and gives those of a broken one.
WAYS = {
    "truncated": lambda h, b: (h, raw(b)[:-9]),
    "not_utf8": lambda h, b: (h, raw(b).replace(b"stock", b"\xff\xfe")),
    "no_id": lambda h, b: (without(h, "ce_id"), raw(b)),
    "unknown_organization": lambda h, b: ({**h, "ce_source": "/organizations/0197f0e0-0000-7000-8000-000000000000/x"}, raw(b)),
    "foreign_type": lambda h, b: ({**h, "ce_type": "com.example.something"}, raw(b)),
    "no_name": lambda h, b: (h, raw({**b, "name": None})),
    "long_name": lambda h, b: (h, raw({**b, "name": "x" * 256})),
    "unknown_contact": lambda h, b: (h, raw({**b, "contactExternalId": "nobody"})),
    "next_year": lambda h, b: (h, raw({**b, "occurredAt": "2199-01-01T00:00:00Z"})),
    "nul": lambda h, b: (h, raw({**b, "properties": {"note": "a\u0000b"}})),
}


def send(headers, value, key):
    return producer.send(
        topic,
        key=key.encode(),
        value=value,
        headers=[(name, text.encode()) for name, text in headers.items()],
    )


good, broken, sent = [], {}, []
for n in range(int(count)):
    headers, body = message(n)
    key = f"{organization}:{body['contactExternalId']}"
    if n % 100 == 7:
        way = list(WAYS)[(n // 100) % len(WAYS)]
        headers, value = WAYS[way](headers, body)
        headers["broken"] = f"{way}/{n}"
        broken[f"{way}/{n}"] = way
    else:
        value = raw(body)
        good.append(n)
    sent.append(send(headers, value, key))

# A producer that is not sure sends again: the same ids, no second effect.
for n in good[:200]:
    headers, body = message(n)
    sent.append(send(headers, raw(body), f"{organization}:{body['contactExternalId']}"))

producer.flush(60)
for future in sent:
    future.get(60)
producer.close()
json.dump({"source": source, "good": good, "broken": broken}, sys.stdout)
