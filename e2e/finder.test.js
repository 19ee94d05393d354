// Finding a place: as people ask, with the keyboard, without script, on a phone, and in
// another site's frame.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

import { admin, root } from "./program.js";
import { places, Stage, steps } from "./stage.js";

const stage = new Stage();

before(() => stage.open(), { timeout: 150_000 });

after(() => stage.close());

test("people find a place, and see who has one", { timeout: 300_000 }, async (t) => {
  const step = steps(t);
  let visitor;

  await step("the operator imports the shipped places", async () => {
    const operator = await stage.sit();
    await operator.signIn(admin);
    await operator.open("/places/import");
    await operator.page.getByLabel("Fichier CSV ou JSON").setInputFiles(places());
    await operator.fill({ "Nom de la source": "invente" });
    await operator.press("Importer les lieux de ce fichier");
    await operator.reads("Toutes les lignes ont été gardées");
  });

  await step("a question as people ask it has an answer that says why", async () => {
    visitor = await stage.sit();
    await visitor.open("/places");
    await visitor.fill({ "Ce que vous cherchez": "où apprendre à envoyer un mail vers anecy" });
    await visitor.page.keyboard.press("Enter");
    await visitor.page.waitForURL(/q=/);
    await visitor.reads("Depuis Annecy");
    await visitor.reads(/Nous avons compris\s: Outils du quotidien/);
    const first = await visitor.page.locator(".search-list > li").first().innerText();
    assert.match(first, /Annecy/);
    assert.match(first, /propose «\sOutils du quotidien/);
    await visitor.look("search");
  });

  await step("filters are set with the keyboard, and what nothing fulfils is said", async () => {
    await visitor.open("/places?q=impots&near=Rumilly");
    await visitor.page.locator(".search-more summary").focus();
    await visitor.page.keyboard.press("Enter");
    await visitor.tab("Prend les chèques");
    await visitor.page.keyboard.press("Space");
    await visitor.tab("Chercher");
    await visitor.page.keyboard.press("Enter");
    await visitor.page.waitForURL(/labelled=true/);
    await visitor.reads("Aucun ne prend les chèques par ici");
    await visitor.look("search-filters");
  });

  await step("the numbers of the plan are those of the list, and lead to the places", async () => {
    const pins = visitor.page.locator(".search-map a");
    const names = await visitor.page.locator(".search-list h3").allInnerTexts();
    assert.equal(await pins.count(), names.length);
    assert.equal(await pins.first().getAttribute("aria-label"), `1. ${names[0]}`);
    await pins.first().focus();
    await visitor.page.keyboard.press("Enter");
    await visitor.page.waitForURL(/places\/\d+/);
    await visitor.reads(names[0]);
  });

  await step("a phone without script finds the same", async () => {
    const other = await stage.stand({ javaScriptEnabled: false });
    await other.open("/places");
    await other.fill({ "Ce que vous cherchez": "mon telephone bug", "Commune ou code postal": "74230" });
    await other.press("Chercher", "main");
    await other.reads("Depuis Thônes");
    await other.reads(/propose «\sOutils du quotidien/);
  });

  await step("who has a place near home is seen before anything is ordered", async () => {
    await visitor.open("/coverage");
    await visitor.look("coverage-empty");
    await visitor.fill({ "Départements": "74" });
    await visitor.press("Calculer la couverture");
    await visitor.reads("lieux à convaincre en premier");
    await visitor.look("coverage");
    await visitor.open("/data");
    await visitor.look("data");
  });

  await step("a proof is checked on the reader's own device, and by a command", async () => {
    await visitor.open("/seals");
    await visitor.reads("Les comptes sont scellés");
    const { key, proofs } = JSON.parse(readFileSync(join(root, "vouchers", "testdata", "proofs.json"), "utf8"));
    const choose = (value) => visitor.page.getByLabel("Fichier de preuves")
      .setInputFiles({ name: "preuve.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(value)) });
    await choose(proofs.slice(0, 3));
    await visitor.page.getByText(/^Pas encore prouvé\s: .* signé avec une autre clé/).waitFor();
    await visitor.look("seals");
    await visitor.page.evaluate((ours) => (document.getElementById("proof-field").dataset.key = ours), key); // as if it were this page's
    await choose(proofs.slice(0, 2));
    await visitor.page.getByText(/^Lignes prouvées\s: 2\./).waitFor();
    await choose({ ...proofs[0], line: { ...proofs[0].line, amount_cents: 1 } });
    await visitor.page.getByText("Une ligne n’est pas dans les comptes qui ont été scellés").waitFor();
    const file = join(mkdtempSync(join(tmpdir(), "proofs-")), "proofs.json");
    writeFileSync(file, JSON.stringify(proofs));
    assert.match(stage.program.run("verify-proof", file, "--key", key), /^proven: transfer 11 /);
    rmSync(dirname(file), { recursive: true });
    const plain = await stage.stand({ javaScriptEnabled: false });
    await plain.open("/seals");
    await plain.reads(/passerelle verify-proof FICHIER --key/);
    assert.equal(await plain.page.getByLabel("Fichier de preuves").isVisible(), false);
  });

  await step("a town hall shows the finder in a frame of its own site, and nothing else", async () => {
    await visitor.open("/widget/new?near=Annecy");
    await visitor.look("widget-new");
    const frame = (await visitor.page.locator(".widget-code").first().innerText()).trim();
    assert.match(frame, /^<iframe src="http:\/\/[^"]+\/widget\?near=Annecy"/);
    const site = createServer((request, answer) => {
      answer.setHeader("Content-Type", "text/html; charset=utf-8");
      answer.end(request.url === "/frame" ? `<!doctype html><title>Mairie</title>${frame}` : `<!doctype html><title>Piège</title><iframe src="${stage.program.url}/places?near=Annecy"></iframe>`);
    });
    await new Promise((done) => site.listen(0, "127.0.0.1", done));
    try {
      const town = await stage.browser.newPage({ locale: "fr-FR" });
      await town.goto(`http://127.0.0.1:${site.address().port}/frame`);
      const inside = town.frameLocator("iframe");
      await inside.getByLabel("Ce que vous cherchez").fill("impots");
      await inside.getByRole("button", { name: "Chercher" }).click();
      await inside.getByText(/propose «\sDémarches administratives/).first().waitFor();
      assert.equal((await town.context().cookies()).length, 0, "the frame sets no cookie");
      const trap = await stage.browser.newPage({ locale: "fr-FR" });
      await trap.goto(`http://127.0.0.1:${site.address().port}/trap`);
      await trap.waitForTimeout(500);
      assert.equal(await trap.frameLocator("iframe").getByRole("heading", { name: "Trouver un lieu" }).count(), 0, "no other page can be framed");
      await town.close();
      await trap.close();
    } finally {
      site.close();
    }
  });
});
