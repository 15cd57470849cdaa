"""GET /pets?kind=cat&max_price=50 and GET /pets/{id}."""

import json
from pathlib import Path

PETS = json.loads((Path(__file__).parent / "pets.json").read_text())
BY_ID = {pet["id"]: pet for pet in PETS}


def answer(status, body):
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(body),
    }


def handler(event, context):
    wanted = (event.get("pathParameters") or {}).get("id")
    if wanted is not None:
        pet = BY_ID.get(wanted)
        return answer(200, pet) if pet else answer(404, {"message": f"There is no pet {wanted!r}."})

    query = event.get("queryStringParameters") or {}
    try:
        highest = float(query.get("max_price", "inf"))
    except ValueError:
        return answer(400, {"message": "max_price wants a number, such as 49.90."})
    kind = query.get("kind")
    found = [pet for pet in PETS if kind in (None, pet["kind"]) and pet["price"] <= highest]
    print(f"{len(found)} of {len(PETS)} pets match kind={kind} max_price={highest}")
    return answer(200, {"pets": found})
