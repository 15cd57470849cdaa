// POST /orders {"pets": ["momo"], "email": "…"} and GET /quote/{id}.
const prices = { momo: 40.0, byeol: 65.5, dori: 120.0, koko: 310.0, tori: 12.9 };

const answer = (statusCode, body) => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

const quote = (pets) => ({
  total: Number(pets.reduce((sum, pet) => sum + prices[pet], 0).toFixed(2)),
  currency: process.env.CURRENCY,
});

exports.handler = async (event, context) => {
  const id = event.pathParameters?.id;
  if (id !== undefined) {
    return id in prices ? answer(200, { id, ...quote([id]) }) : answer(404, { message: `There is no pet "${id}".` });
  }

  let order;
  try {
    const body = event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body;
    order = JSON.parse(body);
  } catch {
    return answer(400, { message: "An order is JSON." });
  }
  if (!Array.isArray(order?.pets) || order.pets.length === 0) {
    return answer(400, { message: 'An order names its pets: {"pets": ["momo"]}.' });
  }
  const missing = order.pets.find((pet) => !Object.hasOwn(prices, pet));
  if (missing !== undefined) {
    return answer(404, { message: `There is no pet "${missing}".` });
  }
  console.log("order for", order.pets.join(", "));
  return answer(201, { order: context.awsRequestId, pets: order.pets, ...quote(order.pets) });
};
