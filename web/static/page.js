// Small comforts for every page. Each page works without them.
"use strict";

// Read a card aloud: the words of `data-words`, or the card's own text.
function speak(button) {
  const card = button.closest("[data-words]") || button.closest(".card, section, main");
  const speech = new SpeechSynthesisUtterance(card.dataset.words || card.innerText);
  speech.lang = document.documentElement.lang;
  speechSynthesis.cancel();
  speechSynthesis.speak(speech);
}
function offerToSpeak() {
  if (!("speechSynthesis" in window)) return;
  for (const button of document.querySelectorAll("[data-say][hidden]")) button.hidden = false;
}
offerToSpeak();

// Steppers: one less, one more.
function step(button) {
  const input = button.parentElement.querySelector("input");
  const wanted = (parseInt(input.value, 10) || 1) + Number(button.dataset.step);
  input.value = String(Math.max(1, wanted));
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-say], [data-step]");
  if (button) (button.matches("[data-say]") ? speak : step)(button);
});

// A form that is on its way is not sent twice, and says so.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) { delete form.dataset.sent; form.removeAttribute("aria-busy"); }
});

// After a refused form the reader starts at what is wrong.
const alertBox = document.querySelector("[role=alert][autofocus]");
if (alertBox) alertBox.focus();

// A part that renews itself waits while nobody looks, while somebody is in the middle of something there, or sends a form.
function begun(part) {
  const typed = (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked;
  return part.querySelector(":focus-visible, form[data-sent]") || [...part.querySelectorAll("input, textarea")].some(typed);
}
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.target.closest("#renewed");
  if (part && (document.hidden || begun(part))) event.preventDefault();
});

// When the session has ended, or another page comes back, the whole page is opened anew. A fault passes: it asks again.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.target.closest("#renewed")) return;
  const gone = event.detail.xhr.status === 401 || (event.detail.shouldSwap && !event.detail.serverResponse.includes('id="renewed"'));
  if (!gone) return;
  event.detail.shouldSwap = false;
  location.reload();
});
document.addEventListener("htmx:afterSettle", () => {
  offerToSpeak();
  for (const told of document.querySelectorAll("[data-tells]")) told.textContent = document.querySelector(told.dataset.tells).textContent;
});
