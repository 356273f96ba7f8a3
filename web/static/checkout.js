// The total follows the quantity, and regions are suggested while one types. The form works without both.
"use strict";

const quantity = document.querySelector("input[name=quantity]");
const total = document.querySelector("[data-total]");
quantity.addEventListener("change", () => {
  const minor = Number(total.dataset.unitMinor) * (parseInt(quantity.value, 10) || 1);
  total.textContent = "¥" + (minor / 100).toLocaleString("zh-CN", { minimumFractionDigits: 2 });
});

const region = document.querySelector("[data-suggest]");
const list = document.getElementById("regions");
let waiting = 0;
region.addEventListener("input", () => {
  clearTimeout(waiting);
  const chosen = document.querySelector("input[type=hidden][name=region_code]");
  if (chosen) chosen.remove();
  waiting = setTimeout(async () => {
    if (region.value.trim().length < 2) return;
    const response = await fetch(region.dataset.suggest + "?q=" + encodeURIComponent(region.value));
    if (!response.ok) return;
    const found = await response.json();
    list.replaceChildren(...found.items.map((item) => {
      const option = document.createElement("option");
      option.value = item.name;
      return option;
    }));
  }, 250);
});
