import { get } from "wasi:config/store@0.2.0-rc.1";

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

// The header is of events alone: no client of the gateway can send it.
async function answer(request) {
  return request.headers.has("lambda-runtime-aws-request-id") ? onEvent(request) : onRequest(request);
}

/** Answers GET /hello?name=… */
function onRequest(request) {
  const name = new URL(request.url).searchParams.get("name") ?? "world";
  console.log(`hello, ${name}`);
  return Response.json({ message: `${get("greeting")}, ${name}!` });
}

/** Answers an event, which comes as a CloudEvents request: its data is the body, all else is in headers. */
async function onEvent(request) {
  const data = await request.json();
  console.log(`an event of type ${request.headers.get("ce-type")}`);
  return Response.json({ got: data });
}
