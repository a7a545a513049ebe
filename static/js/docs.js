// the API's document as a page one can try: Swagger UI, from this host alone

const page = document.getElementById("api");

window.SwaggerUIBundle({
  domNode: page,
  url: page.dataset.document,
  deepLinking: true,
  docExpansion: "none",
  // no badge of a validator elsewhere
  validatorUrl: null,
});
