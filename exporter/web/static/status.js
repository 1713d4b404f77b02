// The page works without this. With it, the table follows the filter as one types, and follows the exporter.
"use strict";

const REFRESH_MS = 15000;
const TYPING_MS = 150;

const form = document.querySelector("form");
const filter = document.getElementById("filter");
const trouble = document.getElementById("trouble");
let asked = null; // the question that waits for its answer
let typing = null;

function address() {
  const query = new URLSearchParams(location.search);
  query.delete("filter");
  if (filter.value.trim()) {
    query.set("filter", filter.value);
  }
  return `${query}` ? `?${query}` : location.pathname; // `size` is too new for some
}

async function show() {
  asked?.abort();
  const mine = (asked = new AbortController());
  try {
    const answer = await fetch(address(), { signal: mine.signal, cache: "no-store" });
    if (!answer.ok) {
      throw new Error(`status ${answer.status}`);
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    replace(page.getElementById("status"));
    trouble.hidden = true;
  } catch {
    // A newer question ended this one, or the exporter is away.
    trouble.hidden = mine.signal.aborted ? trouble.hidden : false;
  } finally {
    asked = asked === mine ? null : asked;
  }
}

function replace(fresh) {
  const status = document.getElementById("status");
  if (status.innerHTML === fresh.innerHTML) {
    return;
  }
  const focused = status.contains(document.activeElement) ? document.activeElement.id : "";
  status.replaceWith(document.adoptNode(fresh));
  // A link may take itself away; the keyboard then goes on from here, not from the top of the page.
  if (focused) {
    (document.getElementById(focused) ?? fresh).focus({ preventScroll: true });
  }
}

function go(url) {
  history.pushState(null, "", url);
  filter.value = new URLSearchParams(location.search).get("filter") ?? "";
  show();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  go(address());
});

filter.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    history.replaceState(null, "", address());
    show();
  }, TYPING_MS);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("#status a[href^='?']"); // others lead to runbooks
  if (link && event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)) {
    event.preventDefault();
    go(link.href);
  }
});

addEventListener("popstate", () => {
  filter.value = new URLSearchParams(location.search).get("filter") ?? "";
  show();
});

setInterval(() => {
  // Not while the page is hidden, or while the reader has selected text to copy.
  if (!document.hidden && getSelection().isCollapsed) {
    if (asked) {
      trouble.hidden = false;
    }
    show();
  }
}, REFRESH_MS);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    show();
  }
});
