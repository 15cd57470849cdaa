// Answers GET /hello?name=… (an HTTP API event, payload 2.0).
export const handler = async (event) => {
  const name = event.queryStringParameters?.name ?? "world";
  console.log(`hello, ${name}`);
  return {
    statusCode: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message: `Hello, ${name}!` }),
  };
};
