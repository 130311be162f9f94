"""Publishes an event to Kafka directly. Run it while `npm start` is up: pip install kafka-python && python docs/guide/examples/publish.py"""

import json
import uuid

from kafka import KafkaProducer

stack = json.load(open(".trackline/stack.json"))
producer = KafkaProducer(bootstrap_servers=stack["kafkaBrokers"].split(","), acks="all")

organization = stack["organizationId"]
body = {"name": "parcel_shipped", "contactEmail": "grace@example.com", "createIfMissing": True, "properties": {"carrier": "DHL"}}
headers = {
    "ce_specversion": "1.0",
    "ce_id": str(uuid.uuid4()),  # the same id again has no second effect
    "ce_source": f"/organizations/{organization}/warehouse",
    "ce_type": "com.trackline.event.track",
    "content-type": "application/json",
}
written = producer.send(
    "events.inbound.v1",
    key=f"{organization}:{body['contactEmail']}".encode(),  # one identifier per contact keeps its order
    value=json.dumps(body).encode(),
    headers=[(name, value.encode()) for name, value in headers.items()],
).get(timeout=10)
print(f"written to partition {written.partition} at offset {written.offset}; its verdict:")
print(f"  curl -H 'Authorization: Bearer {stack['apiKey']}' '{stack['url']}/v1/events?source={headers['ce_source']}&sourceId={headers['ce_id']}'")
