// A message leaves its field at once, so that the next one can be typed while
// it is on its way. When it does not arrive it comes back, before what has been
// typed since.

const sent = new WeakMap(); // request → its text
const back = new WeakMap(); // field → what has come back to it

const fieldOf = ({ detail: { ctx } }) =>
  ctx.sourceElement.matches("[data-chat-form]") && ctx.sourceElement.elements.text;

const joined = (...texts) => texts.filter(Boolean).join(" ");

// What is sent is settled now; it may still have to wait for what is before it.
document.addEventListener("htmx:config:request", (event) => {
  const field = fieldOf(event);
  if (!field) return;
  sent.set(event.detail.ctx, field.value);
  back.delete(field);
  field.value = "";
});

document.addEventListener("htmx:finally:request", (event) => {
  const text = sent.get(event.detail.ctx);
  if (text === undefined || event.detail.ctx.response?.status < 400) return;
  const field = fieldOf(event);
  if (!field || field.value === text) return;
  let before = back.get(field) ?? "";
  if (!field.value.startsWith(before)) before = "";
  const since = field.value.slice(before.length).trimStart();
  before = joined(before, text);
  back.set(field, before);
  field.value = joined(before, since);
});

// When the form closes, what has been typed can still be read.
let typed = "";

document.addEventListener("htmx:before:swap", ({ detail }) => {
  const form = detail.tasks.map(({ target }) => target).find((t) => t?.matches?.("[data-chat-form]"));
  typed = form?.elements.text.value.trim() ?? "";
});

document.addEventListener("htmx:before:settle", () => {
  const unsent = document.querySelector("[data-unsent]:empty");
  if (!typed || !unsent) return;
  unsent.textContent = typed;
  unsent.parentElement.hidden = false;
});

// What somebody opens below a court they also see.
document.addEventListener("toggle", ({ target }) => {
  if (target.open && target.matches(".match-chat")) target.scrollIntoView({ block: "nearest" });
}, true);
