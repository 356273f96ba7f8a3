// Small comforts for every page. Each page works without them.
"use strict";

// Read a card aloud: the words of `data-words`, or the card's own text.
if ("speechSynthesis" in window) {
  for (const button of document.querySelectorAll("[data-say]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const card = button.closest("[data-words]") || button.closest(".card, section, main");
      const speech = new SpeechSynthesisUtterance(card.dataset.words || card.innerText);
      speech.lang = document.documentElement.lang;
      speechSynthesis.cancel();
      speechSynthesis.speak(speech);
    });
  }
}

// Steppers: one less, one more.
for (const button of document.querySelectorAll("[data-step]")) {
  button.addEventListener("click", () => {
    const input = button.parentElement.querySelector("input");
    const wanted = (parseInt(input.value, 10) || 1) + Number(button.dataset.step);
    input.value = String(Math.max(1, wanted));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// A form that is on its way is not sent twice, and says so.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) { delete form.dataset.sent; form.removeAttribute("aria-busy"); }
});

// After a refused form the reader starts at what is wrong.
const alertBox = document.querySelector("[role=alert][autofocus]");
if (alertBox) alertBox.focus();

// A page that waits for something renews itself, but not while nobody looks or somebody writes. (Without scripts: noscript.)
const renewed = document.querySelector("[data-renew]");
if (renewed) {
  setInterval(() => {
    const writing = document.activeElement && document.activeElement.matches("input, select, textarea");
    if (!document.hidden && !writing && !document.querySelector("[aria-busy=true][data-sent]")) location.reload();
  }, Number(renewed.dataset.renew) * 1000);
}
