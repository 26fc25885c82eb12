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

// The server writes times in UTC, for it does not know where the reader is. In
// the page's language, they are written as the reader's browser does.
const { lang } = document.documentElement;
const written = (style) => new Intl.DateTimeFormat(navigator.languages.filter((l) => l.startsWith(lang)).concat(lang), style);
const local = {
  day: written({ dateStyle: "medium" }),
  minute: written({ dateStyle: "medium", timeStyle: "short" }),
};

function localize() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    const text = local[time.dataset.local].format(new Date(time.dateTime));
    if (time.textContent !== text) time.textContent = text;
  }
}

setInterval(tick, 1000);
tick();
localize();

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
  localize();
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

// A menu of the header closes when what comes next is elsewhere.
for (const name of ["pointerdown", "focusin", "keydown"]) {
  document.addEventListener(name, ({ target, key }) => {
    for (const menu of document.querySelectorAll(".menu[open]")) {
      if (key ? key !== "Escape" : menu.contains(target)) continue;
      if (key && menu.contains(target)) menu.firstElementChild.focus();
      menu.open = false;
    }
  });
}

// The list of friends online is what is known: how many they are is counted in
// it, and a badge elsewhere on the page is no other than the one on the list. It
// may have been written before the socket was there.
const online = document.getElementById("online")?.closest(".menu");

function agree() {
  const list = document.getElementById("online");
  const n = list.childElementCount;
  document.getElementById("online-count").textContent = n > 99 ? "99+" : n || "";
  for (const badge of document.querySelectorAll("main .badge")) {
    const known = list.querySelector(`[data-badge="${badge.dataset.badge}"]`);
    if (known) {
      if (!known.isEqualNode(badge)) badge.replaceWith(known.cloneNode(true));
    } else if (badge.dataset.state !== "offline") {
      badge.dataset.state = "offline";
      badge.textContent = list.dataset.offline;
    }
  }
  if (lost && document.activeElement === document.body) online.firstElementChild.focus({ preventScroll: true });
}

if (online) {
  new MutationObserver(agree).observe(online.lastElementChild, {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
}

// What an earlier press came to is no longer news; what a page asks for by
// itself, from an element that nobody sees, leaves it standing.
document.addEventListener("htmx:before:request", ({ target }) => {
  if (!target.closest?.("[hidden]")) document.getElementById("status").replaceChildren();
});

// A form that has been sent answers for itself, also when what it does ends
// this page's session.
const ANSWER_MS = 5000;
let sentAt = -ANSWER_MS;
for (const name of ["submit", "htmx:before:request"]) {
  document.addEventListener(name, () => (sentAt = performance.now()));
}

// A socket that is closed because of who is signed in where says what comes
// next, by the codes of docs/protocol.md: this account is live elsewhere
// (4001), or the session has ended (4002) for a reason. It may only have been
// renewed, under another cookie; then htmx comes back with that.
function closed(connection, code, reason) {
  const next = encodeURIComponent(location.pathname + location.search);
  let go;
  if (code === 4001) go = () => location.replace(`/sign-in/elsewhere?next=${next}`);
  else if (code !== 4002 || reason === "renewed") return;
  else if (reason === "replaced") go = () => location.reload();
  else go = () => location.replace(`/sign-in?reason=${encodeURIComponent(reason)}&next=${next}`);
  clearTimeout(connection.timer); // of htmx, to come back
  setTimeout(go, Math.max(0, sentAt + ANSWER_MS - performance.now()));
}

document.addEventListener("htmx:ws:after:connection", ({ detail: { connection } }) => {
  connection.socket.addEventListener("close", ({ code, reason }) => closed(connection, code, reason));
});

// The socket lives for a minute longer than the token in its page's cookie. Few
// pages are open for long enough to need a new one; the first check of a new
// socket comes after 45 s.
const TOKEN_MS = 8 * 60_000;
const FIRST_TOKEN_MS = 30_000;
const TOKEN_RETRY_MS = 20_000;
let tokenDue = 0;
let tokenTimer = 0;

function tokenIn(ms) {
  tokenDue = Date.now() + ms; // which goes on while a laptop sleeps
  clearTimeout(tokenTimer);
  tokenTimer = setTimeout(renewToken, ms);
}

async function renewToken() {
  tokenIn(TOKEN_RETRY_MS);
  try {
    const { ok } = await fetch("/live/token", { method: "POST" });
    if (ok) tokenIn(TOKEN_MS);
  } catch {} // later
}

if (document.body.hasAttribute("data-hx-ws:connect")) {
  tokenIn(FIRST_TOKEN_MS);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() >= tokenDue) renewToken();
  });
}

// Friends see somebody who has done nothing on any page for a while as away.
const ACTIVE_MS = 2 * 60_000;
let activeAt = Date.now(); // asking for the page was something

function active() {
  if (document.hidden || Date.now() - activeAt < ACTIVE_MS) return;
  activeAt = Date.now();
  fetch("/live/active", { method: "POST" }).catch(() => {}); // the next one then
}

if (document.body.hasAttribute("data-hx-ws:connect")) {
  for (const name of ["pointerdown", "pointermove", "keydown", "visibilitychange"]) document.addEventListener(name, active);
}

// Whoever looks at a page that has lost its socket is told so, unless it comes
// back at once or the court says it.
let silence = 0;
let before = false;

document.addEventListener("htmx:ws:close", () => {
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
  // What was pushed meanwhile is asked for, not by everybody at once.
  if (before) setTimeout(() => document.body.dispatchEvent(new Event("rally:back")), 3000 * Math.random());
  before = true;
});

// A page that comes back from the browser's memory has lost its socket.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
