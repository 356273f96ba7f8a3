// The live room follows the stream; when it breaks, it asks every five seconds, and goes back to the stream by itself.
"use strict";

const stage = document.querySelector("[data-room]");
const find = (name) => stage.querySelector(`[data-${name}]`);
const POLL_MS = 5000;
let polling = 0;
let last = null;
// The clock of the house decides; ours is only set by it, once, when the page came.
const aheadMs = Number(stage.dataset.at) - Date.now();

function yuan(minor) {
  return "¥" + (minor / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function day(iso) {
  return new Intl.DateTimeFormat(document.documentElement.lang, { month: "short", day: "numeric", timeZone: "UTC" }).format(new Date(iso));
}

// Where an offer stands in its window: before it, in it, or after it.
function phase(offer) {
  const now = Date.now() + aheadMs;
  if (offer.opens_at && now < Date.parse(offer.opens_at)) return "early";
  return offer.closes_at && now >= Date.parse(offer.closes_at) ? "late" : "open";
}

function show(state) {
  last = state;
  const pinned = state.pinned;
  for (const mark of stage.querySelectorAll("[data-status]")) mark.hidden = (mark.dataset.status === "on_air") !== (state.status === "on_air");
  find("pinned").hidden = !pinned;
  find("nothing").hidden = Boolean(pinned);
  if (typeof state.viewers === "number") {
    find("viewers").hidden = false;
    find("viewers").querySelector("b").textContent = String(state.viewers);
  }
  if (!pinned) return;
  find("number").textContent = String(pinned.number);
  find("name").textContent = pinned.name;
  find("pack").textContent = pinned.pack;
  find("price").textContent = yuan(pinned.price_minor);
  find("presale").hidden = !pinned.ships_by;
  const { one, words } = find("presale").dataset;
  if (pinned.ships_by) find("presale").textContent = (pinned.ships_from === pinned.ships_by ? one : words).replace("{first}", day(pinned.ships_from)).replace("{last}", day(pinned.ships_by));
  find("left").textContent = String(pinned.left);
  const order = find("order");
  const when = phase(pinned);
  const gone = pinned.left < 1 || state.status !== "on_air";
  const over = gone || when !== "open";
  order.href = "/checkout?offer=" + encodeURIComponent(pinned.offer_id);
  order.toggleAttribute("aria-disabled", over);
  if (over) order.setAttribute("aria-disabled", "true");
  find("buy").hidden = over;
  if (find("again")) offerAgain(find("again"), pinned, over);
  find("sold-out").hidden = !gone;
  find("early").hidden = gone || when !== "early";
  find("late").hidden = gone || when !== "late";
  if (when === "early") find("opens").textContent = pinned.opens_at.slice(11, 19);
}

// One tap orders what is shown now: another offer, or another price, is another request.
function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function offerAgain(form, pinned, over) {
  form.hidden = over || Boolean(pinned.ships_by);
  const { offer, price_minor: price, key } = form.elements;
  if (offer.value === pinned.offer_id && price.value === String(pinned.price_minor)) return;
  offer.value = pinned.offer_id;
  price.value = String(pinned.price_minor);
  key.value = freshKey();
  find("again-price").textContent = yuan(pinned.price_minor);
}

async function poll() {
  const response = await fetch(stage.dataset.now, { headers: { Accept: "application/json" } }).catch(() => null);
  if (response && response.ok) show(await response.json());
}

function follow() {
  const stream = new EventSource(stage.dataset.stream);
  stream.onopen = () => { find("quiet").hidden = true; clearInterval(polling); polling = 0; };
  stream.onmessage = (event) => show(JSON.parse(event.data));
  stream.onerror = () => {
    find("quiet").hidden = false;
    if (!polling) polling = setInterval(poll, POLL_MS);
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, POLL_MS);
  };
}

find("order").addEventListener("click", (event) => {
  if (find("order").getAttribute("aria-disabled") === "true") event.preventDefault();
});
// Who comes back to this page and taps again means another order.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && find("again")) find("again").elements.key.value = freshKey();
});
// Windows open and close by themselves.
setInterval(() => { if (last && last.pinned && (last.pinned.opens_at || last.pinned.closes_at)) show(last); }, 500);
follow();
