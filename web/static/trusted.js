// The one door through which text becomes markup (Trusted Types). Open for two: an empty text, with which a chart clears its box,
// and a page that htmx has fetched, read into a document of its own, where no script runs. All else is refused.
"use strict";

if (window.trustedTypes) {
  const APART = ["Document parseHTMLUnsafe", "DOMParser parseFromString"];
  trustedTypes.createPolicy("default", {
    createHTML: (text, _type, sink) => (text === "" || APART.includes(sink) ? text : null),
  });
}
