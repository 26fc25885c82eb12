// The little that pages other than the court do for themselves.

/** Writes each <time data-count="up|down"> anew, once a second. */
const started = new WeakMap();

function tick() {
  for (const time of document.querySelectorAll("time[data-count]")) {
    let start = started.get(time);
    if (start?.text !== time.dateTime) { // new, or told a new time by a push
      const from = Number(time.dateTime.slice(2, -1)); // "PT42S"
      started.set(time, (start = { from, text: time.dateTime, at: performance.now() }));
    }
    const passed = Math.round((performance.now() - start.at) / 1000);
    const seconds = time.dataset.count === "up" ? start.from + passed : Math.max(0, start.from - passed);
    time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

setInterval(tick, 1000);
tick();

// Focus never falls back to the page: when a swap takes away the element that
// had it, it goes to the first field with an error, else to what the new
// content names: an element marked data-focus, or the id in its data-focus.
let lost = false;

document.addEventListener("htmx:before:swap", ({ detail }) => {
  const active = document.activeElement;
  lost = active !== document.body && detail.tasks.some(({ target }) => target?.contains?.(active));
});

document.addEventListener("htmx:before:settle", ({ detail }) => {
  tick();
  if (!lost || (document.activeElement && document.activeElement !== document.body)) return;
  for (const sent of detail.newContent) {
    if (!(sent instanceof Element)) continue;
    // A morph leaves what was sent aside and changes the element of that id.
    const added = sent.isConnected ? sent : document.getElementById(sent.id);
    if (!added) continue;
    const place =
      added.querySelector('[aria-invalid="true"]') ||
      (added.dataset.focus && document.getElementById(added.dataset.focus)) ||
      (added.matches("[data-focus]") ? added : added.querySelector("[data-focus]"));
    if (place) {
      place.focus({ preventScroll: true });
      lost = false;
      return;
    }
  }
});

// What an earlier request came to is no longer news.
document.addEventListener("htmx:before:request", () => {
  document.getElementById("status").replaceChildren();
});

// Whoever looks at a page that has lost its socket is told so, unless it comes
// back at once or the court says it. A session that has ended (4002) does not
// come back: the page as it is now tells more.
let silence = 0;

document.addEventListener("htmx:ws:close", ({ detail }) => {
  if (detail.code === 4002) location.reload();
  silence ||= setTimeout(() => {
    if (document.querySelector("#court-lost:not([hidden])")) return;
    const region = document.getElementById("lost");
    const notice = document.createElement("p");
    notice.className = "notice";
    notice.textContent = region.dataset.text;
    region.replaceChildren(notice);
  }, 2000);
});

document.addEventListener("htmx:ws:after:connection", () => {
  clearTimeout(silence);
  silence = 0;
  document.getElementById("lost").replaceChildren();
});

// A page that comes back from the browser's memory has lost its socket.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
