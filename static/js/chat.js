// A message leaves its field at once, so that the next one can be typed while
// it is on its way. When it does not arrive it comes back.

const sent = new WeakMap();

const fieldOf = ({ detail: { ctx } }) =>
  ctx.sourceElement.matches("[data-chat-form]") && ctx.sourceElement.elements.text;

// What is sent is settled now; it may still have to wait for what is before it.
document.addEventListener("htmx:config:request", (event) => {
  const field = fieldOf(event);
  if (!field) return;
  sent.set(event.detail.ctx, field.value);
  field.value = "";
});

document.addEventListener("htmx:finally:request", (event) => {
  const text = sent.get(event.detail.ctx);
  if (text === undefined || event.detail.ctx.response?.status < 400) return;
  const field = fieldOf(event);
  if (field && field.value !== text) field.value = [text, field.value].filter(Boolean).join(" ");
});

// What somebody opens below a court they also see.
document.addEventListener("toggle", ({ target }) => {
  if (target.open && target.matches(".match-chat")) target.scrollIntoView({ block: "nearest" });
}, true);
