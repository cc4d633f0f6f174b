// What HTML cannot do: the reader's time zone, copying, and a form that is not sent twice. Every page works without.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const format = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const exact = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

  function localise(within) {
    for (const time of within.querySelectorAll("time[datetime]")) {
      time.textContent = ("seconds" in time.dataset ? exact : format).format(new Date(time.dateTime));
    }
    for (const note of within.querySelectorAll("[data-zone]")) note.textContent = "Times in " + zone.replaceAll("_", " ");
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(field.value);
      button.lastChild.textContent = " Copied";
    } catch {
      field.select();
      button.lastChild.textContent = " Selected: copy it by keyboard";
    }
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-once]")) return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  // A page that comes back from the browser's memory may be sent again.
  addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

  // A fetch does not tell the server that its page is in a frame, whose session is another than a tab's.
  document.addEventListener("htmx:config:request", (event) => {
    if (window.self !== window.top) event.detail.ctx.request.headers["Plugboard-Framed"] = "1";
  });

  document.addEventListener("htmx:after:swap", () => localise(document));
  localise(document);
  document.getElementById("errors")?.focus();
})();
