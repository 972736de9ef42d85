// What pages need beyond HTML: parts that load by themselves, a form that answers in place, the menu.
"use strict";

const PART = { headers: { "X-Part": "1" }, credentials: "same-origin" };
const english = document.documentElement.lang === "en";

function noAnswer(target) {
  target.textContent = english
    ? "The service did not answer. Load the page again." : "服务没有应答，请刷新页面。";
}

async function put(target, address) {
  target.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, PART);
    if (answer.redirected && answer.url.includes("/console/login")) { location.reload(); return; }
    target.innerHTML = await answer.text();
    // A fault comes as a page of its own: what it says belongs here, its menu does not.
    if (!answer.ok) target.replaceChildren(...target.querySelectorAll("main [role=alert]"));
    begin(target);
  } catch {
    noAnswer(target);
  } finally {
    target.removeAttribute("aria-busy");
  }
}

// Details whose content is loaded when they are opened, with the address that was loaded.
const loaded = new WeakMap();

function load(details) {
  const address = details.dataset.part;
  if (!details.open || !address || loaded.get(details) === address) return;
  loaded.set(details, address);
  put(details.lastElementChild, address);
}

// Make an element like a new one. What stays the same is left in place, and so are the focus, the
// cursor in a field, and whether details are open: a screen reader is told of nothing else.
function morph(old, now) {
  if (old.nodeName === "DETAILS") {
    if (loaded.has(old) && loaded.get(old) === now.dataset.part) return;
    loaded.delete(old);
  }
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !now.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of now.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const { value } = now, nodes = [...now.childNodes]; // nodes that move leave `now` without them
  nodes.forEach((node, place) => {
    const one = old.childNodes[place];
    if (!one) old.append(node);
    else if (one.nodeName !== node.nodeName || (one.id || "") !== (node.id || "")) one.replaceWith(node);
    else if (one.nodeType === Node.ELEMENT_NODE) morph(one, node);
    else if (one.data !== node.data) one.data = node.data;
  });
  while (old.childNodes.length > nodes.length) old.lastChild.remove();
  if (old.type === "checkbox") old.checked = now.hasAttribute("checked");
  else if ("value" in old && old.value !== value) old.value = value;
  load(old);
}

// A form that is sent with every change, and whose answer replaces the parts of the page that have
// the ids of its elements. An answer that came late, to what was typed before, is dropped.
function live(form) {
  let waiting = 0, latest = 0;

  async function send(button, act) {
    clearTimeout(waiting);
    const number = ++latest, fields = new URLSearchParams(new FormData(form, button));
    if (act) fields.set("do", act);
    const look = document.getElementById("look");
    look.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, { ...PART, method: "POST", body: fields });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (number !== latest) return;
      if (answer.redirected) {
        look.textContent = english ? "Your session has ended: log in in another window, and go on here."
          : "登录已过期：请在另一个窗口登录，再回来继续。";
      } else if (!answer.ok) {
        look.replaceChildren(...page.querySelectorAll("[role=alert]"));
      } else show(page);
    } catch {
      if (number === latest) noAnswer(look);
    } finally {
      if (number === latest) look.removeAttribute("aria-busy");
    }
  }

  function show(page) {
    for (const now of [...page.body.children]) {
      const old = document.getElementById(now.id);
      if (old) morph(old, now);
    }
    for (const details of form.querySelectorAll("details[data-show]")) details.open = true;
    const focus = page.querySelector("[data-focus]");
    if (focus) document.getElementById(focus.dataset.focus)?.focus();
  }

  function wait() {
    latest++;
    clearTimeout(waiting);
    waiting = setTimeout(() => send(), 250);
  }

  form.addEventListener("submit", (event) => {
    if (event.submitter && "plain" in event.submitter.dataset) return;
    event.preventDefault();
    send(event.submitter);
  });
  // An input method writes letters until a word is chosen: they are no change yet.
  form.addEventListener("input", (event) => { if (!event.isComposing) wait(); else latest++; });
  form.addEventListener("compositionend", wait);
  form.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const find = event.target.dataset.find, box = event.target.closest(".find");
    if (!box) return;
    if (event.key === "Enter" && find) {
      event.preventDefault();
      send(null, `first:${find}`);
    } else if (event.key === "Escape") {
      box.querySelector("[data-cancel]")?.click();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const stops = [box.querySelector("[data-find]"), ...box.querySelectorAll(".result")];
      const place = stops.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
      if (stops.includes(event.target) && stops[place]) { event.preventDefault(); stops[place].focus(); }
    }
  });
}

function begin(root) {
  for (const part of root.querySelectorAll("[data-load]")) {
    setTimeout(() => put(part, part.dataset.load), 1000 * (part.dataset.after ?? 0));
  }
  for (const form of root.querySelectorAll("form[data-live]")) live(form);
  for (const button of root.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => {
      const open = document.getElementById(button.dataset.opens).classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    });
  }
}

document.addEventListener("toggle", (event) => load(event.target), true);
begin(document);
