// A browser as people use it, and what must hold on every page they see.

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium as playwright } from "playwright-core";

import { shrink } from "./paper.js";
import { chromium, root } from "./program.js";

export const desk = { width: 1280, height: 900 };
export const phone = { width: 390, height: 844 };

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

// LOOK=1 keeps every page as a picture in e2e/out, for eyes; SCREENSHOTS=1 those that the
// README shows, in docs/screenshots.
const album = process.env.LOOK ? join(root, "e2e", "out") : "";
const shelf = process.env.SCREENSHOTS ? join(root, "docs", "screenshots") : "";
const shown = { home: "home", offer: "counter", booklet: "booklet", report: "report", cover: "cover", "operator-work": "operator",
  "funding-quote-new": "quote", "funding-order": "order", "funding-invoice": "invoice", "money-full": "money" };
for (const folder of [album, shelf]) if (folder) mkdirSync(folder, { recursive: true });

/** Starts Chromium; film is what its camera sees, where it has one. */
export function launch(film = "") {
  const camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${film}`];
  return playwright.launch({
    executablePath: chromium(),
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--hide-scrollbars", ...(film ? camera : [])],
  });
}

/** One person at one device. What the console says there is a complaint, and fails the next look. */
export class Person {
  #complaints = [];

  static async meet(browser, url, viewport, options = {}) {
    const context = await browser.newContext({ baseURL: url, viewport, locale: "fr-FR", timezoneId: "Europe/Paris", reducedMotion: "reduce", ...options });
    const person = new Person();
    person.page = await context.newPage();
    person.page.setDefaultTimeout(20_000);
    person.viewport = viewport;
    person.screens = [];
    person.page.on("domcontentloaded", () => person.screens.push(new URL(person.page.url()).pathname.replace(/\d+/g, "N")));
    person.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !refusal.test(message.text())) person.#complaints.push(`${message.text()} (${message.location().url})`);
    });
    person.page.on("pageerror", (error) => person.#complaints.push(String(error)));
    return person;
  }

  async signIn({ email, password }) {
    await this.open("/login");
    await this.fill({ "Adresse e-mail": email, "Mot de passe": password });
    await this.press("Se connecter", "main");
  }

  async open(path) {
    const answer = await this.page.goto(path);
    assert.equal(answer.status(), 200, `${path} answers ${answer.status()}`);
  }

  /** Types into fields by their labels. */
  async fill(values) {
    for (const [label, value] of Object.entries(values)) await this.page.getByLabel(label, { exact: true }).fill(value);
  }

  /** Chooses among radio buttons by pressing the words beside one, which are its target too. */
  async choose(label) {
    await this.page.locator(".choice label", { hasText: new RegExp(`^${label}$`) }).click();
  }

  /** Presses the button or link of that name, in a part of the page. */
  async press(name, part = "body") {
    const within = this.page.locator(part);
    const exact = typeof name === "string";
    await within.getByRole("button", { name, exact }).or(within.getByRole("link", { name, exact })).first().click();
    await this.page.waitForLoadState();
  }

  /** Goes to a field or button with the tabulator alone. */
  async tab(name) {
    const main = this.page.locator("main");
    const wanted = await main.getByLabel(name, { exact: true }).or(main.getByRole("button", { name })).first().elementHandle();
    for (let presses = 0; presses < 120; presses++) {
      await this.page.keyboard.press("Tab");
      if (await wanted.evaluate((element) => element === document.activeElement)) return;
    }
    assert.fail(`the tabulator does not come to “${name}”`);
  }

  /** Follows the link and keeps the file that comes. */
  async download(name) {
    const coming = this.page.waitForEvent("download");
    await this.page.getByRole("link", { name }).first().click();
    return (await coming).path();
  }

  /** The page as a printer would get it. */
  async print(path) {
    await this.page.pdf({ path, format: "A4" });
    return path;
  }

  /** Fails unless the page shows the sentence: a text, or a pattern. */
  async reads(sentence) {
    const text = plain(await this.page.locator("main").innerText());
    if (sentence instanceof RegExp) assert.match(text, sentence);
    else assert.ok(text.includes(plain(sentence)), `“${sentence}” is not in:\n${text}`);
  }

  /**
   * Looks at the page as it stands: it fits a phone and a desk, speaks French, can be used
   * by everybody, by day and by night, and the console is silent.
   */
  async look(name) {
    await this.page.waitForLoadState("networkidle");
    for (const size of [phone, desk]) {
      await this.page.setViewportSize(size);
      await this.#fits(name);
      await this.#keep(name, size);
    }
    await this.page.setViewportSize(this.viewport);
    await this.#speaks(name);
    await this.#needsNoMouse(name);
    await this.#accessible(name, { runOnly: { type: "tag", values: TAGS } });
    await this.page.emulateMedia({ colorScheme: "dark" });
    assert.equal(await this.page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(16, 28, 28)", `${name}: paper by night`);
    await this.#accessible(`${name}, by night`, { runOnly: { type: "rule", values: ["color-contrast"] } });
    await this.#keep(`${name}-dark`, this.viewport);
    await this.page.emulateMedia({ colorScheme: "light" });
    assert.deepEqual(this.#complaints, [], `${name}: the console complains`);
  }

  async #fits(name) {
    const [wide, room, culprits] = await this.page.evaluate(() => {
      const room = document.documentElement.clientWidth;
      const out = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > room + 1);
      return [document.documentElement.scrollWidth, room, out.slice(0, 3).map((e) => e.outerHTML.slice(0, 120))];
    });
    assert.ok(wide <= room, `${name}: ${wide} px wide where there are ${room}: ${culprits.join(" ")}`);
  }

  async #speaks(name) {
    const text = await this.page.locator("body").innerText();
    assert.doesNotMatch(text, foreign, `${name}: a catalogue's key or a program's word is shown`);
  }

  // A form has a button to send it, each field can be come to by keyboard, and a page that
  // refused one opens on the reason.
  async #needsNoMouse(name) {
    const wrong = await this.page.evaluate(() => {
      const fields = [...document.querySelectorAll("main form :is(input:not([type=hidden]), select, textarea, button)")];
      const silent = [...document.querySelectorAll("main form")].filter((form) => ![...form.elements].some((e) => e.type === "submit"));
      const summary = document.querySelector(".error-summary");
      return [...silent, ...fields.filter((e) => e.tabIndex < 0 && !e.ariaHidden), ...(summary && summary !== document.activeElement ? [summary] : [])].map((e) => e.outerHTML.slice(0, 160));
    });
    assert.deepEqual(wrong, [], `${name}: not for a keyboard`);
  }

  // Looked at from the page's end: elsewhere a button that stays in reach may stand over
  // part of another, until one scrolls.
  async #accessible(name, options) {
    await this.page.evaluate(axe);
    await this.page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    const violations = await this.page.evaluate(async (options) => {
      const { violations } = await globalThis.axe.run(document, options);
      return violations.filter((v) => ["serious", "critical"].includes(v.impact))
        .map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 160)} ${n.failureSummary ?? ""}`).join(" | ")}`);
    }, options);
    assert.deepEqual(violations, [], `${name}: not accessible`);
  }

  async #keep(name, { width }) {
    if (album) await this.page.screenshot({ path: join(album, `${name}-${width}.png`), fullPage: true });
    if (shelf && shown[name]) shrink(await this.page.screenshot(), join(shelf, `${shown[name]}-${width}.png`));
  }
}

// A page that says why it refused a form answers 409 or 422, and the console repeats it.
const refusal = /the server responded with a status of (409|422)/;

// No-break spaces are for paper and screens, not for comparing.
const plain = (text) => text.replace(/[\u00a0\u202f]/g, " ").replace(/\s+/g, " ");

// What must never be shown: a key of a catalogue, or what a program prints of nothing.
const rooms = new Set();
const locales = join(root, "web", "locales", "fr");
for (const file of readdirSync(locales)) {
  for (const key of Object.keys(JSON.parse(readFileSync(join(locales, file), "utf8")))) rooms.add(key.split(".")[0]);
}
const foreign = new RegExp(`\\b(${[...rooms].join("|")})\\.[a-z_-]+(\\.[a-z_-]+)*\\b|<no value>|%!|\\bNaN\\b|\\bundefined\\b|\\[object`, "i");
