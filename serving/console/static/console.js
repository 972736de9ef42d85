// What pages need beyond HTML: parts that load by themselves, forms that answer in place, the menu.
"use strict";

async function put(target, request) {
  target.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(request, { headers: { "X-Part": "1" }, credentials: "same-origin" });
    if (answer.redirected && answer.url.includes("/console/login")) { location.reload(); return; }
    target.innerHTML = await answer.text();
    begin(target);
  } catch {
    target.textContent = document.documentElement.lang === "en"
      ? "The service did not answer. Load the page again." : "服务没有应答，请刷新页面。";
  } finally {
    target.removeAttribute("aria-busy");
  }
}

function begin(root) {
  for (const part of root.querySelectorAll("[data-load]")) {
    setTimeout(() => put(part, part.dataset.load), 1000 * (part.dataset.after ?? 0));
  }
  for (const form of root.querySelectorAll("form[data-into]")) {
    let waiting = 0, latest = 0;
    const send = async (button) => {
      const target = document.getElementById(form.dataset.into), number = ++latest;
      const fields = new URLSearchParams(new FormData(form, button));
      target.setAttribute("aria-busy", "true");
      const post = form.method === "post";
      const address = post ? form.action : form.action + "?" + fields;
      const answer = await fetch(address, {
        method: post ? "POST" : "GET", body: post ? fields : undefined,
        headers: { "X-Part": "1" }, credentials: "same-origin",
      });
      const text = await answer.text();
      if (number !== latest) return; // an earlier answer that came late
      target.innerHTML = text;
      target.removeAttribute("aria-busy");
      begin(target);
    };
    form.addEventListener("submit", (event) => {
      if (event.submitter && "plain" in event.submitter.dataset) return;
      event.preventDefault();
      send(event.submitter);
    });
    if ("live" in form.dataset && form.querySelector("textarea")?.value) send();
    if ("live" in form.dataset) form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => send(), 250);
    });
  }
  for (const button of root.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => {
      const open = document.getElementById(button.dataset.opens).classList.toggle("open");
      button.setAttribute("aria-expanded", String(open));
    });
  }
}

begin(document);
