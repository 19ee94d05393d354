// Keeping cards right: a passer-by says what has changed, a volunteer translates, the structure
// decides and confirms; without script, on a phone, at a desk.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { admin } from "./program.js";
import { openOrganisation, password, places, Stage, steps } from "./stage.js";

const stage = new Stage();
const structure = { kind: "Structure", name: "Commune de Thônes", person: "Inès Roux", email: "ines@thones.example", password, siret: "00001006600017", street: "1 place de l’Hôtel de Ville", postcode: "74230", town: "Thônes" };

before(() => stage.open(), { timeout: 150_000 });

after(() => stage.close());

test("people help to keep a place's card right", { timeout: 300_000 }, async (t) => {
  const step = steps(t);
  let host, visitor, card, home;

  await step("a structure answers for a place and presents it", async () => {
    const operator = await stage.sit();
    await operator.signIn(admin);
    await openOrganisation(operator, structure);
    await operator.open("/places/import");
    await operator.page.getByLabel("Fichier CSV ou JSON").setInputFiles(places());
    await operator.fill({ "Nom de la source": "invente" });
    await operator.press("Voir d’abord ce que cela changerait");
    await operator.reads("Rien n’est encore écrit");
    await operator.look("import-preview");
    await operator.press("Envoyer le fichier pour de bon");
    await operator.page.getByLabel("Fichier CSV ou JSON").setInputFiles(places());
    await operator.fill({ "Nom de la source": "invente" });
    await operator.press("Importer les lieux de ce fichier");
    await operator.reads("Toutes les lignes ont été gardées");
    await operator.open("/contributions");
    await operator.look("contributions-empty");

    host = await stage.sit();
    await host.signIn(structure);
    await host.open("/structure/claim?near=Thônes");
    await host.page.getByRole("button", { name: /^C’est notre lieu/ }).first().click();
    await host.reads("est maintenant un lieu de votre structure");
    await host.open("/structure");
    await host.press("Modifier la fiche", "main");
    await host.fill({ Présentation: "Nous vous aidons avec votre téléphone." });
    await host.press("Enregistrer la fiche", "main");
    const link = host.page.locator(".own-place h3 a").first();
    [card, home] = [await link.getAttribute("href"), await link.innerText()];
  });

  await step("a passer-by without script says that the telephone has changed", async () => {
    const phone = await stage.stand({ javaScriptEnabled: false });
    await phone.open(card);
    await phone.press("Signaler un changement");
    await phone.choose("Téléphone");
    await phone.fill({ "Ce qui est juste aujourd’hui": "douze" });
    await phone.press("Envoyer ce signalement");
    await phone.reads("n’est pas un numéro de téléphone");
    await phone.fill({ "Ce qui est juste aujourd’hui": "04 65 71 55 66", "Comment le savez-vous ?": "J’y suis allée hier." });
    await phone.press("Envoyer ce signalement");
    await phone.reads("est bien arrivé");
  });

  await step("the form is for everybody, and is sent with the keyboard", async () => {
    visitor = await stage.sit();
    await visitor.open(`${card}/report?field=other`);
    await visitor.look("report-change");
    await visitor.tab("Ce qui est juste aujourd’hui");
    await visitor.page.keyboard.type("Il faut sonner à la porte de gauche.");
    await visitor.tab("Envoyer ce signalement");
    await visitor.page.keyboard.press("Enter");
    await visitor.page.waitForURL(new RegExp(`${card}$`));
    await visitor.reads("est bien arrivé");
  });

  await step("a volunteer translates into Arabic, from right to left", async () => {
    await visitor.open(card);
    await visitor.press("Proposer une traduction");
    await visitor.press("العربية");
    await visitor.look("translate");
    const text = visitor.page.getByLabel("Présentation", { exact: true });
    assert.equal(await text.evaluate((e) => getComputedStyle(e).direction), "rtl");
    await text.fill("نساعدكم على استعمال الهاتف.");
    await visitor.fill({ "Votre nom ou un pseudonyme": "Samia" });
    await visitor.press("Envoyer cette traduction");
    await visitor.reads("sera relue");
    assert.equal(await visitor.page.getByText("نساعدكم").count(), 0, "nothing is published before it is read");
  });

  await step("the structure sees how much waits, and decides", async () => {
    await host.open("/structure");
    await host.press("3 propositions à regarder");
    await host.look("contributions");
    await host.press(`Écrire cela sur la fiche ${home}`);
    await host.reads("est à jour");
    await host.page.locator(".proposal", { hasText: "sonner" }).getByText("Refuser", { exact: true }).click();
    await host.page.locator(".proposal", { hasText: "sonner" }).getByLabel("Pourquoi").fill("La porte de droite marche aussi.");
    await host.page.locator(".proposal", { hasText: "sonner" }).getByRole("button", { name: "Refuser cette proposition" }).click();
    await host.reads("est refusé");
    await host.press(`Publier cette traduction ${home}`);
    await host.reads("est publiée");
  });

  await step("everybody reads it", async () => {
    await visitor.open(card);
    await visitor.reads("04 65 71 55 66");
    await visitor.page.getByText("العربية", { exact: true }).click();
    await visitor.reads("نساعدكم");
    await visitor.reads("Traduction proposée par Samia");
    await visitor.look("place-translated");
  });

  await step("a place that has closed is found no more, until its structure says that all is right", async () => {
    await visitor.open(`${card}/report?field=closed`);
    await visitor.fill({ "Comment le savez-vous ?": "Une affiche sur la porte." });
    await visitor.press("Envoyer ce signalement");
    await host.open("/contributions");
    await host.look("contributions-closed");
    await host.press(`Fermer ce lieu pour de bon ${home}`);
    await visitor.open(card);
    await visitor.reads("Ce lieu a fermé");
    await visitor.look("place-closed");
    const found = () => visitor.page.locator(".search-list h3", { hasText: home }).count();
    await visitor.open("/places?near=Thônes");
    assert.equal(await found(), 0, "it is still found");
    await host.open(card);
    await host.press("Confirmer que tout est juste");
    await host.look("confirm-card");
    await host.press("Oui, tout est encore juste");
    await host.reads("est confirmée pour un an");
    await visitor.open("/places?near=Thônes");
    assert.equal(await found(), 1, "it is not found again");
  });
});
