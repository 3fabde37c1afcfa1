// The frame of the page: who is logged in, the bar, and which view is shown.

import { bodyOf, get, post, request, session } from "./lib/api.js";
import { choice, fill, h } from "./lib/dom.js";
import { problem } from "./lib/parts.js";
import { isUtc, setTheme, setUtc, theme, zone } from "./lib/settings.js";
import { address, go, here, onPlace } from "./lib/url.js";

/**
 * A view is given its element, and returns what is to be done when the place changes within it, and when it is left.
 * @typedef {{changed: () => void, leave: () => void}} View
 * @typedef {{title: string, open: () => Promise<{open: (into: HTMLElement, user: string) => View}>}} Room
 */

/** @type {Record<string, Room>} */
const ROOMS = {
  "/report": { title: "Report", open: () => import("./views/report/index.js") },
  "/explore": { title: "Explore", open: () => import("./views/explore/index.js") },
  "/events": { title: "Events", open: () => import("./views/events/index.js") },
  "/sql": { title: "SQL", open: () => import("./views/sql/index.js") },
};

const bar = /** @type {HTMLElement} */ (document.getElementById("bar"));
const main = /** @type {HTMLElement} */ (document.getElementById("main"));

/** @type {string | null} */
let user = null;
/** @type {{path: string, view: View | null} | null} */
let shown = null;

function drawBar() {
  const { path } = here();
  const links = Object.entries(ROOMS).map(([to, { title }]) =>
    h("a", { href: to, "data-in": true, "aria-current": to === path ? "page" : false }, title));
  fill(bar,
    h("a", { class: "brand", href: "/report", "data-in": true, "aria-label": "tally, report" }, h("img", { src: "/icon.svg", alt: "", width: 20, height: 20 }), "tally"),
    user != null && h("nav", { "aria-label": "Views" }, ...links, h("a", { href: "/docs/" }, "API")),
    h("div", { class: "row push" },
      choice("Time zone", [["local", Intl.DateTimeFormat().resolvedOptions().timeZone], ["utc", "UTC"]], isUtc() ? "utc" : "local", (value) => {
        setUtc(value === "utc");
        shown?.view?.changed();
      }),
      choice("Colours", [["auto", "System"], ["light", "Light"], ["dark", "Dark"]], theme(), (value) => setTheme(/** @type {any} */ (value))),
      user && h("span", { class: "user", title: "The user of the database" }, user),
      user && h("button", { class: "plain", click: logOut }, "Log out")));
  // Both choices would be alike.
  const zones = bar.querySelector("select");
  if (zones && zone() === "UTC" && !isUtc()) zones.hidden = true;
}

async function logOut() {
  await request("/session", { method: "DELETE" }).catch(() => {});
  user = null;
  logIn();
}

/** Shows the form; the place stays as it is, and is shown after. */
function logIn() {
  leave();
  user = null;
  document.title = "Log in · tally";
  drawBar();
  const name = h("input", { id: "name", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { id: "password", type: "password", autocomplete: "current-password", required: true });
  const button = h("button", { class: "main" }, "Log in");
  const said = h("div");
  const form = h("form", {
    class: "login panel",
    submit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      button.disabled = true;
      try {
        await post("/session", { user: name.value, password: password.value });
        await begin();
      } catch (error) {
        fill(said, problem(error));
        password.select();
      } finally {
        button.disabled = false;
      }
    },
  }, h("h1", {}, "Log in"), h("p", { class: "muted small" }, "With your name and password of the database. You see what PostgreSQL lets you see."),
  h("label", { for: "name" }, "User"), name, h("label", { for: "password" }, "Password"), password, button, said);
  fill(main, form);
  name.focus();
}

function leave() {
  shown?.view?.leave();
  shown = null;
}

async function showPlace() {
  if (user == null) return;
  const { path } = here();
  if (shown?.path === path) {
    shown.view?.changed();
    return;
  }
  const room = ROOMS[path];
  if (!room) {
    go(address("/report"), { replace: true });
    return;
  }
  leave();
  /** @type {{path: string, view: View | null}} */
  const mine = { path, view: null };
  shown = mine;
  document.title = `${room.title} · tally`;
  drawBar();
  const { open } = await room.open();
  if (shown !== mine) return;
  main.className = path.slice(1);
  fill(main);
  mine.view = open(main, user);
}

async function begin() {
  try {
    const body = await get("/session");
    user = body.user ?? "";
  } catch (error) {
    if (bodyOf(error).status === 401) logIn();
    else fill(main, problem(error));
    return;
  }
  drawBar();
  await showPlace();
}

session.lost = () => {
  if (user != null) logIn();
};
onPlace(showPlace);
begin();
