// The shop's page. At the API it is one answer; at its function URL it is streamed, part by part.
const head = `<!doctype html><meta charset="utf-8"><title>Petshop</title><h1>Petshop</h1>`;
const list = `<ul id="pets"></ul><script type="module">
const { pets } = await (await fetch("/pets")).json();
document.querySelector("#pets").replaceChildren(...pets.map((pet) => {
  const item = document.createElement("li");
  item.textContent = pet.name + ", " + pet.kind + ", " + pet.price.toFixed(2);
  return item;
}));
</script>`;

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const out = awslambda.HttpResponseStream.from(stream, {
    statusCode: 200,
    headers: { "content-type": "text/html; charset=utf-8" },
  });
  out.write(head);
  out.write(list);
  out.end();
});
