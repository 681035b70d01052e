// What pages say when they no longer refresh themselves, how they refresh nothing in use, and buttons that copy.
"use strict";

const failing = new Set();

function isRefresh(event) {
  return event.detail.requestConfig.verb === "get";
}

function failed(event) {
  if (isRefresh(event)) {
    failing.add(event.detail.elt);
    document.getElementById("stale").hidden = false;
  } else {
    document.getElementById("unheard").hidden = false;
  }
}

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, failed);
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) {
    failing.delete(event.detail.elt);
    document.getElementById("stale").hidden = failing.size === 0;
    if (!isRefresh(event)) {
      document.getElementById("unheard").hidden = true;
    }
  }
});

document.addEventListener("htmx:beforeRequest", (event) => {
  // The appliance has one CPU. The message box alone goes on: it keeps the session of a form that waits.
  if (document.hidden && isRefresh(event) && event.target.id !== "messages") {
    event.preventDefault();
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  // A button that goes between press and release is never clicked.
  if (isRefresh(event) && document.querySelector("main :active")) {
    event.detail.shouldSwap = false;
  }
});

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.textContent = "Copied";
  });
}
