// A label: a structure answers the criteria in several goes, the operator asks for more, proposes
// a refusal that a second person confirms, the structure appeals, and a third person grants it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { calls } from "./api.js";
import { admin, root } from "./program.js";
import { password, Stage, steps } from "./stage.js";

const stage = new Stage();
const home = "CCAS imaginaire de Thônes"; // of the shipped file
const pdf = { name: "preuve.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n") };

before(() => stage.open(), { timeout: 150_000 });

after(() => stage.close());

test("a place comes to a label", { timeout: 300_000 }, async (t) => {
  const step = steps(t), { call, enter, opens } = calls(stage);
  const second = { email: "second@operateur.example", password }, third = { email: "third@operateur.example", password };
  let structure, place, host, reviewer, application;

  await step("a structure answers for a place", async () => {
    const operator = await enter(admin);
    for (const who of [second, third]) await call(operator, "POST", "/members", { name: "Alix Bernard", role: "agent", ...who });
    structure = await opens(operator, "structure", "Association Clic et Sapin", "00001006600017");
    await call(operator, "POST", "/places/import?source=invente", readFileSync(join(root, "internal", "catalogue", "data", "invented-places.csv")), "text/csv");
    place = (await call("", "GET", "/places?near=74230&limit=50")).items.find((one) => one.name === home).id;
    await call(structure.token, "POST", `/places/${place}/claim`);
  });

  await step("anybody reads what the label asks for", async () => {
    const visitor = await stage.stand();
    await visitor.open("/label");
    await visitor.look("label-criteria");
    await visitor.reads("Rien n’est refusé par un programme");
    await visitor.open("/label/register");
    await visitor.look("label-register-empty");
  });

  await step("the structure begins on a phone, and goes on another day", async () => {
    host = await stage.stand();
    await host.signIn(structure);
    await host.open("/structure");
    await host.press("Demander le label");
    await host.look("application-new");
    await host.page.locator("#meets-welcome-yes").check({ force: true });
    await host.press("Envoyer la demande");
    await host.reads("Il reste 7 points à compléter");
    await host.reads("1 point complet sur 8");
    for (const code of await host.page.locator("input[value=yes]").evaluateAll((all) => all.map((one) => one.id))) {
      await host.page.locator(`#${code}`).check({ force: true });
    }
    for (const input of await host.page.locator("input[type=file]").all()) await input.setInputFiles(pdf);
    await host.press("Enregistrer et continuer plus tard");
    await host.reads("C’est enregistré");
    await host.reads("8 points complets sur 8");
    await host.look("application-filled");
    await host.press("Envoyer la demande");
    await host.reads("Votre demande est chez l’opérateur");
    application = new URL(host.page.url()).pathname;
  });

  await step("the operator asks for more, and the structure answers", async () => {
    reviewer = await stage.sit();
    await reviewer.signIn(admin);
    await reviewer.open("/operator");
    await reviewer.press("demande de label à étudier", "main");
    await reviewer.look("applications");
    await reviewer.press(home, "main");
    await reviewer.look("application-review");
    await reviewer.choose("Demander un complément");
    await reviewer.press("Enregistrer la décision");
    await reviewer.reads("Dites à la structure ce qui manque");
    await reviewer.fill({ "Votre remarque sur « Accueil »": "Quels jours êtes-vous ouverts ?" });
    await reviewer.choose("Demander un complément");
    await reviewer.press("Enregistrer la décision");
    await reviewer.reads("La décision est enregistrée");
    await host.open(application);
    await host.reads("Quels jours êtes-vous ouverts ?");
    await host.look("application-asked");
    await host.page.locator("#note-welcome").fill("Du lundi au vendredi.");
    await host.press("Envoyer la demande");
    await host.reads("La demande est envoyée");
  });

  await step("a refusal takes a second person, and can be appealed", async () => {
    await reviewer.open(application);
    await reviewer.fill({ "Votre remarque sur « Accueil »": "Les horaires ne sont pas affichés." });
    await reviewer.choose("Proposer un refus");
    await reviewer.press("Enregistrer la décision");
    await reviewer.open(application);
    await reviewer.reads("une autre personne doit le relire");
    const other = await stage.sit();
    await other.signIn(second);
    await other.open(application);
    await other.look("application-confirm");
    await other.press("Confirmer le refus");
    await host.open(application);
    await host.reads("Les horaires ne sont pas affichés.");
    await host.look("application-refused");
    await host.fill({ "Vos raisons": "Les horaires sont sur la porte depuis hier." });
    await host.press("Faire appel");
    await host.reads("Votre appel est envoyé");
    await reviewer.open(application);
    await reviewer.reads("d’autres personnes décident de l’appel");
  });

  await step("a third person grants it, and it is in the register", async () => {
    const judge = await stage.sit();
    await judge.signIn(third);
    await judge.open(application);
    await judge.choose("Accorder le label");
    await judge.press("Enregistrer la décision");
    await judge.reads("La décision est enregistrée");
    await host.open("/structure");
    await host.reads("Label en cours");
    await host.look("structure-labelled");
    await judge.open(`/places/${place}/labels`);
    await judge.look("label-in-force");
    await judge.page.locator("#suspend-reason").fill("Porte fermée deux semaines.");
    await judge.press("Suspendre le label de ce lieu");
    await judge.open("/label/register");
    await judge.reads("Porte fermée deux semaines.");
    await judge.reads("Critères, version 1");
    await judge.look("label-register");
    await judge.open(`/places/${place}/labels`);
    await judge.press("Lever la suspension");
    assert.equal((await call("", "GET", `/places/${place}`)).labelled, true);
  });
});
