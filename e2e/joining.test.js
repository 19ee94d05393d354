// A structure arrives by itself: from its SIRET to a place with services, hours, access and a
// photo, with every page looked at on a phone and at a desk, and little of anybody's time.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { admin, root } from "./program.js";
import { password, Stage, steps } from "./stage.js";

const siret = "00001006600017"; // of a place of the shipped file
const person = { name: "Ali Mercier", email: "ali@clic.example" };

const stage = new Stage();
let directory;

before(async () => {
  // The public directory, as its API answers.
  directory = createServer((request, answer) => {
    const asked = new URL(request.url, "http://directory").searchParams.get("q");
    answer.setHeader("Content-Type", "application/json");
    const seat = { siret, adresse: "43 ALLEE DES CERFS-VOLANTS 74230 THONES", code_postal: "74230", libelle_commune: "THONES", etat_administratif: "A" };
    answer.end(JSON.stringify({ results: asked === siret ? [{ nom_raison_sociale: "ASSOCIATION CLIC ET SAPIN", nature_juridique: "9220", siege: seat }] : [] }));
  });
  await new Promise((done) => directory.listen(0, "127.0.0.1", done));
  await stage.open({ COMPANY_DIRECTORY: `http://127.0.0.1:${directory.address().port}` });
}, { timeout: 150_000 });

after(async () => {
  await stage.close();
  directory?.close();
});

test("a structure arrives by itself", { timeout: 300_000 }, async (t) => {
  const step = steps(t);
  let operator, host, photo;

  await step("the operator imports the shipped places", async () => {
    operator = await stage.sit();
    await operator.signIn(admin);
    await operator.open("/places/import");
    await operator.page.getByLabel("Fichier CSV ou JSON").setInputFiles(join(root, "internal", "catalogue", "data", "invented-places.csv"));
    await operator.fill({ "Nom de la source": "invente" });
    await operator.press("Importer les lieux de ce fichier");
    await operator.reads("Toutes les lignes ont été gardées");
    await operator.open("/newcomers");
    await operator.reads("Rien à vérifier");
    await operator.look("newcomers-empty");
    photo = await operator.page.screenshot();
  });

  await step("a SIRET with a slip is said, and one that nobody knows is typed by hand", async () => {
    host = await stage.stand();
    await host.open("/");
    await host.press("Inscrivez-la");
    await host.look("join");
    await host.fill({ SIRET: "00001006600018" });
    await host.press("Continuer avec ce SIRET");
    await host.reads("Ce SIRET contient une erreur");
    await host.look("join-slip");
    await host.fill({ SIRET: "73282932000074" });
    await host.press("Continuer avec ce SIRET");
    await host.reads("L’annuaire public ne connaît pas ce SIRET");
    await host.look("join-unknown");
  });

  const begun = Date.now();
  await step("the directory proposes name and address, and a link is mailed", async () => {
    host.screens.length = 0;
    await host.open("/join");
    await host.fill({ SIRET: "000 010 066 00017" });
    await host.press("Continuer avec ce SIRET");
    await host.reads("Nous avons trouvé votre structure");
    assert.equal(await host.page.getByLabel("Nom de la structure").inputValue(), "Association Clic et Sapin");
    assert.equal(await host.page.getByLabel("Code postal").inputValue(), "74230");
    await host.fill({ "Prénom et nom": person.name, "Adresse e-mail": person.email });
    await host.look("join-details");
    await host.press("Recevoir le lien d’inscription");
    await host.reads(`Un lien est parti à ${person.email}`);
    await host.look("join-sent");
  });

  await step("the link opens the account, once", async () => {
    const link = await mailed(stage, person.email);
    await host.open(new URL(link).pathname);
    await host.reads("choisir un mot de passe");
    await host.look("join-link");
    await host.fill({ "Mot de passe à choisir": "court" });
    await host.press("Ouvrir le compte", "main");
    await host.reads("12");
    await host.fill({ "Mot de passe à choisir": password });
    await host.press("Ouvrir le compte", "main");
    await host.page.waitForURL(/\/joining$/);
    await host.reads("Il reste environ");
    await host.reads("L’opérateur doit encore regarder votre inscription");
    await host.look("joining-empty");
    const again = await stage.sit();
    assert.equal((await again.page.goto(new URL(link).pathname)).status(), 410, "the link works once");
  });

  await step("its place of the national list is proposed by its SIRET", async () => {
    await host.press("Chercher un lieu dans la liste nationale");
    await host.reads("Lieux qui portent votre SIRET");
    await host.look("joining-claim");
    await host.page.locator('[aria-labelledby="ours"] button').first().click();
    await host.page.waitForURL(/\/structure\/claim/);
    await host.reads("est maintenant un lieu de votre structure");
  });

  await step("a place that no list has is added, and its commune is checked", async () => {
    await host.open("/joining");
    await host.press("Ajouter un lieu qui n’y est pas");
    await host.fill({ "Nom du lieu": "Le Relais du Fier", "Numéro et rue": "2 rue du Pont", "Code postal": "74230", Commune: "Atlantide" });
    await host.press("Ajouter ce lieu");
    await host.reads("Nous ne trouvons pas la commune");
    await host.look("place-new");
    await host.fill({ Commune: "Thônes" });
    await host.press("Ajouter ce lieu");
    await host.page.waitForURL(/\/joining$/);
    await host.reads("Le Relais du Fier est ajouté");
    await host.look("joining-begun");
  });

  await step("services", async () => {
    await host.press("Donner les aides : Le Relais du Fier");
    await host.press("Ajouter une aide");
    await host.press("Enregistrer cette aide");
    await host.reads("Modifier");
    await host.open("/joining");
  });

  await step("hours, day by day, read back in words", async () => {
    await host.press("Donner les horaires : Le Relais du Fier");
    for (const day of [0, 2]) {
      await host.page.locator(`#from-${day}`).fill("09:00");
      await host.page.locator(`#to-${day}`).fill("12:00");
    }
    await host.page.locator("#from-1").fill("14:00");
    await host.page.locator("#to-1").fill("13:00");
    await host.press("Enregistrer les horaires");
    await host.reads(/lundi\s: une ouverture finit avant de commencer/);
    await host.look("hours-slip");
    await host.page.locator("#to-1").fill("17:30");
    await host.press("Recopier le lundi du mardi au vendredi");
    assert.equal(await host.page.locator("#to-9").inputValue(), "17:30");
    await host.choose("Fermé les jours fériés");
    await host.fill({ "À savoir": "Sur rendez-vous le mardi" });
    await host.press("Voir les horaires en mots");
    await host.reads(/du lundi au vendredi\s: de 9\sh à 12\sh et de 14\sh à 17\sh\s30/);
    await host.reads("Fermé les jours fériés");
    await host.look("hours");
    await host.press("Enregistrer les horaires");
    await host.page.waitForURL(/\/joining$/);
    await host.reads("Horaires à jour : Le Relais du Fier");
  });

  await step("access, audiences, languages", async () => {
    await host.press("Dire comment venir : Le Relais du Fier");
    await host.fill({ Téléphone: "04 50 02 00 00" });
    for (const label of ["Se présenter", "Téléphoner", "Accompagnement individuel", "Seniors", "Arabe", "Gratuit"]) await host.choose(label);
    await host.look("access");
    await host.press("Enregistrer l’accès et l’accueil");
    await host.page.waitForURL(/\/joining$/);
  });

  await step("a photo, which says what is to be seen", async () => {
    await host.press("Ajouter une photo : Le Relais du Fier");
    await host.page.getByLabel("Photo", { exact: true }).setInputFiles({ name: "porte.png", mimeType: "image/png", buffer: photo });
    await host.fill({ "Ce que l’on voit": "Une porte bleue sous une enseigne" });
    await host.press("Enregistrer la photo");
    await host.page.waitForURL(/\/joining$/);
    await host.look("joining-more");
    const spent = (Date.now() - begun) / 1000, screens = host.screens.length;
    t.diagnostic(`${screens} screens, ${Math.round(spent)} s with all looks`);
    assert.ok(screens <= 30, `${screens} screens: ${host.screens.join(" ")}`);
    assert.ok(spent < 240, `${spent} s`);
  });

  await step("the public does not see the new place before the operator has looked", async () => {
    await host.open("/structure");
    await host.look("structure-arrived");
    const path = await host.page.getByRole("link", { name: "Le Relais du Fier", exact: true }).getAttribute("href");
    const early = await stage.sit();
    assert.equal((await early.page.goto(path)).status(), 404);
    await operator.open("/newcomers");
    await operator.reads("Association Clic et Sapin");
    await operator.look("newcomers");
    await operator.press(/^J’ai vérifié/);
    await operator.reads("est vérifiée");
    const visitor = await stage.sit();
    await visitor.open(path);
    await visitor.reads("Sur rendez-vous le mardi");
    await visitor.reads("Se présenter");
    assert.equal(await visitor.page.locator("img.place-photo").getAttribute("alt"), "Une porte bleue sous une enseigne");
    assert.ok(await visitor.page.locator("img.place-photo").evaluate((img) => img.complete && img.naturalWidth > 0), "the photo is shown");
    await visitor.look("place-arrived");
  });

  await step("a mistake is put back from the history", async () => {
    await host.open("/structure");
    const own = host.page.locator("section", { has: host.page.getByRole("heading", { name: "Le Relais du Fier" }) });
    await own.locator("summary").click();
    await own.getByRole("link", { name: "Adresse et position" }).click();
    await host.look("move");
    await host.fill({ "Code postal": "74000", Commune: "Annecy", Latitude: "", Longitude: "" });
    await host.press("Enregistrer où est le lieu");
    await host.page.waitForURL(/\/structure$/);
    await own.getByRole("link", { name: /^Ce qui a changé/ }).click();
    await host.look("history");
    await host.page.getByRole("button", { name: /Remettre l’ancienne valeur Adresse et position/ }).first().click();
    await host.page.waitForURL(/history$/);
    await host.reads("l’ancienne valeur est remise");
    await host.open("/structure");
    assert.match(await own.innerText(), /74230 Thônes/);
  });

  await step("it all works without script", async () => {
    const plain = await stage.stand({ javaScriptEnabled: false });
    await plain.signIn({ email: person.email, password });
    await plain.open("/structure");
    await plain.page.locator(".own-place summary").last().click();
    await plain.press("Horaires", ".own-place:last-of-type");
    await plain.page.locator("#from-0").fill("10:00");
    await plain.page.locator("#to-0").fill("12:00");
    await plain.press("Enregistrer les horaires");
    await plain.reads("Horaires à jour");
  });
});

/** The link of the latest letter to somebody. */
async function mailed(stage, to) {
  const reader = await stage.sit();
  for (let tries = 0; tries < 40; tries++) {
    await reader.open("/dev/outbox");
    const row = reader.page.locator("tr", { hasText: to }).first();
    if (await row.count()) {
      await row.getByRole("link").click();
      const text = await reader.page.locator("main").innerText();
      return text.match(/http\S+\/join\/\S+/)[0];
    }
    await reader.page.waitForTimeout(250);
  }
  return assert.fail(`no letter to ${to}`);
}
