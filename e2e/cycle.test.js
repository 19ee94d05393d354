// A campaign's whole life, clicked through: from an empty database to money on the
// account of those who helped.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Bank, ordered } from "./bank.js";
import { launch, Person, phone } from "./browser.js";
import { film, typedCode } from "./paper.js";
import { account, admin, root } from "./program.js";
import { balanced, day, importStatement, openOrganisation, password, Stage, steps, transfers, valid, words } from "./stage.js";

const funder = { kind: "Financeur", name: "Département inventé des Aravis", person: "Nadia Perrin", email: "nadia@financeur.example", password };
const prescriber = { kind: "Prescripteur", name: "CCAS inventé de Thônes", person: "Lucie Favre", email: "lucie@ccas.example", password };
const structure = { kind: "Structure", name: "Association Clic et Sapin", person: "Ali Mercier", email: "ali@clic.example", password,
  siret: "00001006600017", street: "43 allée des Cerfs-Volants", postcode: "74230", town: "Thônes" };
const mediator = { person: "Malika Roux", email: "malika@clic.example", password };
const approver = { person: "Alix Bernard", email: "alix@operateur.example", password };
const campaign = "Premiers pas 2026";
const home = "CCAS imaginaire de Thônes"; // the structure's place, of the shipped file

const stage = new Stage();
const bank = new Bank(account);
const rib = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
let cameraBrowser;

before(() => stage.open(), { timeout: 150_000 });

after(async () => {
  await cameraBrowser?.close();
  await stage.close();
});

test("a campaign's whole life, clicked through", { timeout: 400_000 }, async (t) => {
  const step = steps(t);
  let operator, money, giver, host, counter, carnets, read;

  await step("before anything, visitors find a home page, cover and a way in", async () => {
    const visitor = await stage.sit();
    for (const [path, name] of [["/", "home-empty"], ["/cover", "cover-empty"], ["/places", "places-empty"], ["/display", "display"], ["/c", "ask"]]) {
      await visitor.open(path);
      await visitor.look(name);
    }
    await visitor.open("/login");
    await visitor.look("login");
  });

  await step("the operator opens the organisations", async () => {
    operator = await stage.sit();
    await operator.signIn(admin);
    await operator.look("operator-empty");
    await openOrganisation(operator, funder, "organisation-new");
    await openOrganisation(operator, prescriber);
    await openOrganisation(operator, structure);
    await operator.reads(structure.name);
    await operator.look("organisations");
  });

  await step("the operator imports the shipped places through the page", async () => {
    await operator.open("/places/import");
    await operator.look("import");
    await operator.page.getByLabel("Fichier CSV").setInputFiles(join(root, "internal", "catalogue", "data", "invented-places.csv"));
    await operator.fill({ "Nom de la source": "territoire-invente" });
    await operator.press("Importer les lieux de ce fichier");
    await operator.reads("Toutes les lignes ont été gardées");
    await operator.look("import-report");
  });

  await step("the funder defines a campaign, has it quoted, accepts and sees how to pay, in five screens", async () => {
    money = await stage.sit();
    await money.signIn(funder);
    await money.look("campaigns-empty");
    await money.press("Créer une campagne");
    await money.look("campaign-new");
    await money.fill({ "Nom de la campagne": campaign, "Chèques par carnet": "8", "Départements": "74" });
    await money.press("Créer cette campagne");
    await money.reads("est créée");
    await money.fill({ "Nombre de chèques": "40" });
    await money.page.getByLabel("Nombre de chèques").blur();
    await money.reads("Le service est gratuit");
    await money.page.locator(".price tfoot", { hasText: "400,00" }).waitFor();
    await money.look("quote-new");
    await money.press("Préparer ce devis");
    await money.reads(/Devis D\d{4}-\d{6}/);
    const quote = await money.download("Télécharger ce devis (PDF)");
    assert.match(words(quote), /400,00/);
    await money.look("quote");
    await money.choose("J’accepte .*");
    await money.press(/Commander pour 400,00/);
    await money.reads("À payer : 400,00 €");
    await money.look("order");
    const invoice = words(await money.download("Télécharger cette facture (PDF)"));
    assert.match(invoice, /400,00/);
    money.reference = (await money.page.locator(".reference").innerText()).trim();
    assert.match(invoice.replace(/ /g, ""), new RegExp(money.reference));
  });

  await step("the bank's statement funds the order", async () => {
    await operator.open("/statements");
    await operator.look("statements-empty");
    await importStatement(operator, bank.statement(day(), [{ cents: 400_00, credit: true, party: funder.name, remittance: money.reference }]));
    await operator.reads("Paie une commande");
    await operator.look("statement");
    await operator.open("/statements");
    await operator.reads("Compte réservé : la banque et nos comptes disent la même chose");
    await money.page.reload();
    await money.reads("Tout est payé");
    await money.look("order-funded");
  });

  await step("the funder allocates to the prescriber", async () => {
    await money.press(campaign, "main");
    await money.page.getByLabel("Prescripteur").selectOption({ label: prescriber.name });
    await money.fill({ "Nombre de chèques": "30" });
    await money.look("campaign-allocate");
    await money.press("Confier ces chèques");
    await money.reads(`30 chèques sont confiés à ${prescriber.name}`);
  });

  await step("the structure claims its place, gives its account and its prices, and has a mediator", async () => {
    host = await stage.sit();
    await host.signIn(structure);
    await host.open("/structure");
    await host.look("structure-empty");
    await host.press("Ajouter un lieu de votre structure");
    await host.fill({ "Commune ou code postal": "Thônes" });
    await host.press("Chercher notre lieu");
    await host.look("claim");
    await host.press(`C’est notre lieu ${home}`);
    await host.reads("est maintenant un lieu de votre structure");
    await host.open("/bank-details");
    await host.look("bank-details");
    await host.fill({ IBAN: "FR14 2004 1010 0505 0001 3M02 606", "Titulaire du compte": structure.name, "Votre mot de passe": structure.password });
    await host.page.getByLabel("Relevé d’identité bancaire (RIB)").setInputFiles({ name: "rib.pdf", mimeType: "application/pdf", buffer: rib });
    await host.press("Envoyer ce compte pour vérification");
    await host.reads("L’opérateur va le vérifier");
    await host.look("bank-details-waiting");
    await host.open("/structure");
    await host.press("Donner les aides et les prix");
    await host.look("services-empty");
    await price(host, "Démarches administratives en ligne", 2, 60);
    await price(host, "Outils du quotidien : ordinateur, téléphone, e-mail", 1, 45);
    await host.look("services");
    await host.press("Ne plus proposer « Démarches administratives en ligne »");
    await host.reads("n’est plus proposée");
    await host.press("Proposer de nouveau « Démarches administratives en ligne »");
    await host.reads("est de nouveau proposée");
    await host.open("/structure");
    await host.press("Séances");
    await host.look("sessions-empty");
    await host.fill({ "Nombre de places": "6", "À savoir avant de venir": "Apportez votre téléphone." });
    await host.press("Publier cette séance");
    await host.reads("1 séance est publiée");
    await host.look("sessions");
    await host.open("/structure");
    await host.look("structure");
    await host.open("/members");
    await host.fill({ "Prénom et nom": mediator.person, "Adresse e-mail": mediator.email, "Mot de passe (facultatif)": mediator.password });
    await host.look("members");
    await host.press("Ajouter ce membre");
    await host.reads(mediator.email);
  });

  await step("the operator verifies the account", async () => {
    await operator.open("/operator");
    await operator.look("operator-work");
    await operator.press("compte de structure à vérifier", "main");
    await operator.look("payees");
    await operator.press(structure.name, "main");
    await operator.look("payee");
    await operator.choose("La banque confirme.*");
    await operator.fill({ "Comment avez-vous vérifié ?": "Appelé au numéro de la convention ; IBAN relu." });
    await operator.press("Mettre ce compte en service");
    await operator.reads("est vérifié");
  });

  await step("the operator grants the label", async () => {
    await operator.open("/labels");
    await operator.look("labels");
    await operator.press(home, "main");
    await operator.look("label");
    await operator.press("Accorder le label à ce lieu");
    await operator.reads("Le label est accordé");
  });

  await step("the prescriber hands two booklets over and prints them", async () => {
    giver = await stage.stand();
    await giver.signIn(prescriber);
    await giver.look("handover");
    carnets = [await handOver(giver, 8), await handOver(giver, 2)];
    await giver.look("booklet");
    await giver.open("/handovers/all");
    await giver.look("booklets");
  });

  await step("the mediator scans the booklet's own QR code with a camera and takes two cheques", async () => {
    cameraBrowser = await launch(film(carnets[0].pdf, stage.files));
    counter = await Person.meet(cameraBrowser, stage.program.url, phone);
    await counter.signIn(mediator);
    await counter.look("counter");
    const sent = counter.page.waitForRequest((request) => request.url().endsWith("/redemptions/check"));
    await counter.press("Scanner un carnet");
    read = new URLSearchParams((await sent).postData()).get("code");
    assert.match(read, new RegExp(`^HTTP://LOCALHOST:${stage.program.port}/C/[0-9A-Z]{136}$`));
    await counter.page.waitForURL(/\/redemptions$/);
    await counter.choose("Démarches administratives en ligne");
    await counter.look("offer");
    await counter.press("Encaisser 2 chèques (20 €)");
    await counter.reads("2 chèques encaissés (20 €)");
    assert.equal(await ink(counter, ".receipt-done"), "rgb(26, 115, 68)", "the answer is green");
    await counter.reads("Il reste 6 chèques dans le carnet");
    await counter.look("receipt");
  });

  await step("the mediator takes it back, with a reason", async () => {
    await counter.page.getByText("Annuler cet encaissement").click();
    await counter.fill({ "Pourquoi ?": "Mauvais nombre de chèques" });
    await counter.look("undo");
    await counter.press(/Annuler l’encaissement de 2 chèques/);
    await counter.reads("2 chèques sont de nouveau utilisables");
    await counter.look("undone");
  });

  await step("without script, the typed code does the same", async () => {
    const plain = await stage.stand({ javaScriptEnabled: false });
    await plain.signIn(mediator);
    await typed(plain, carnets[0].code);
    await plain.choose("Démarches administratives en ligne");
    await plain.press("Un chèque de plus");
    await plain.reads("Encaisser 3 chèques (30 €)");
    await plain.press("Un chèque de moins");
    await plain.press(/^Encaisser 2 chèques/, ".take");
    await plain.reads("2 chèques encaissés (20 €)");
  });

  await step("a slip of the finger is noticed at once, a used-up booklet is refused in red with the reason", async () => {
    const typist = await stage.stand(); // without a camera that begins to read by itself
    await typist.signIn(mediator);
    await typed(typist, carnets[1].code.replace(/^(.)(.)/, (pair, a, b) => (a === b ? `${a}${a === "7" ? "8" : "7"}` : b + a)));
    await typist.reads("Un caractère n’est pas le bon");
    await typist.look("counter-slip");
    await typed(typist, carnets[1].code);
    await typist.choose("Démarches administratives en ligne");
    await typist.press("Encaisser 2 chèques (20 €)");
    await typist.reads("2 chèques encaissés");
    await typist.reads("Tout le carnet est utilisé.");
    await typist.press("Personne suivante");
    await typed(typist, carnets[1].code);
    await typist.reads("Rien n’a été encaissé");
    await typist.reads(/a déjà servi en entier/);
    assert.equal(await ink(typist, ".receipt-refused"), "rgb(168, 38, 28)", "the answer is red");
    await typist.look("refused");
    await typist.press("Personne suivante");
    await typist.look("counter-lines");
  });

  await step("the holder opens the code on a phone, without account and without script", async () => {
    const holder = await stage.stand({ javaScriptEnabled: false });
    await holder.open(read.toLowerCase().replace(/\/c\/.*/, (path) => path.toUpperCase()));
    assert.equal(holder.page.url(), `${stage.program.url}/c`, "the code has left the address");
    await holder.reads("Il vous reste 6 chèques. Ils valent 60 €.");
    await holder.fill({ "Votre commune ou votre code postal": "Thônes" });
    await holder.press("Chercher", "main");
    await holder.reads(home);
    assert.doesNotMatch(holder.page.url(), /[0-9A-Z]{40}/);
    const watcher = await stage.stand(); // the same page with script, to look at it closely
    await watcher.open(read);
    await watcher.look("card");
  });

  await step("the holder says what is wrong with one use, and only that line waits until the operator has decided", async () => {
    const holder = await stage.stand({ javaScriptEnabled: false });
    await holder.open(read);
    await holder.press(/^Signaler un problème/, "main");
    await holder.choose("Trop de chèques ont été pris");
    await holder.press("Envoyer");
    await holder.reads("Cet encaissement n’est pas payé tant que la réclamation est en cours.");
    await host.open("/complaints");
    await host.reads("Trop de chèques ont été pris");
    await host.look("complaints-structure");
    await operator.open("/settlements");
    await operator.reads("1 structure recevra 20,00 €.");
    await operator.open("/complaints");
    await operator.look("complaints");
    await operator.press(/Trop de chèques ont été pris$/, "main");
    await operator.reads("La réclamation est-elle fondée ?");
    await operator.look("complaint");
    await operator.choose("Non.: maintenir l’encaissement");
    await operator.fill({ "Raison de la décision": "La feuille d’émargement dit deux heures." });
    await operator.press("Voir l’effet avant de décider");
    await operator.look("complaint-effect");
    await operator.press("Maintenir l’encaissement");
    await operator.reads(/Réclamation rejetée/);
    await holder.page.reload();
    await holder.reads("La feuille d’émargement dit deux heures.");
  });

  await step("the operator previews and closes the settlement, and cannot approve it, not even in another tab", async () => {
    await operator.open("/settlements");
    await operator.reads("1 structure recevra 40,00 €.");
    await operator.look("settlements");
    await operator.press(/^Arrêter un règlement de 1 virement \(40,00.€\)$/);
    await operator.reads("1 virement est arrêté");
    await operator.look("settlement-waiting");
    const tab = await operator.page.context().newPage();
    await tab.goto(operator.page.url());
    for (const page of [operator.page, tab]) assert.equal(await page.getByRole("button", { name: /^Approuver/ }).count(), 0);
    const forged = await tab.evaluate(async () => {
      const sha256 = document.querySelector(".settlement-hash").textContent, csrf = document.querySelector("[name=_csrf]");
      const body = new URLSearchParams({ file_sha256: sha256, _key: "one-person-two-tabs", ...(csrf && { _csrf: csrf.value }) });
      const answer = await fetch(`${location.pathname}/approval`, { method: "POST", body });
      return { status: answer.status, text: await answer.text() };
    });
    assert.equal(forged.status, 409);
    assert.match(forged.text, /une autre personne doit l’approuver/);
    await tab.close();
  });

  await step("somebody else approves it, and its file goes to the bank", async () => {
    await operator.open("/members");
    await operator.choose("Argent");
    await operator.fill({ "Prénom et nom": approver.person, "Adresse e-mail": approver.email, "Mot de passe (facultatif)": approver.password });
    await operator.press("Ajouter ce membre");
    const other = await stage.sit();
    await other.signIn(approver);
    await other.open("/settlements");
    await other.reads("À approuver");
    await other.press("Règlement PSL1", "main");
    await other.look("settlement-approve");
    await other.press(/^Approuver 1 virement \(40,00.€\)$/);
    await other.reads("1 virement est approuvé");
    await operator.open("/settlements/1");
    await operator.look("settlement");
    operator.file = await operator.download(/Télécharger le fichier de virements/);
    valid(t, transfers, operator.file);
    await host.open("/redemptions");
    await host.reads("En règlement");
    await operator.page.reload();
    await operator.press("J’ai déposé le fichier à la banque");
    await operator.reads("La banque a le fichier");
    await operator.open("/cover");
    await operator.reads("Chaque chèque en circulation est couvert");
  });

  await step("the bank's debit puts the money on the structure's account", async () => {
    await host.open("/redemptions");
    await host.reads("Envoyé à la banque");
    await host.open("/payouts");
    await host.reads("À la banque");
    await host.look("payouts-way");
    const { day: booked, entries } = ordered(readFileSync(operator.file, "utf8"));
    assert.equal(entries.length, 1);
    await importStatement(operator, bank.statement(booked, entries));
    await operator.reads("Versement parti");
    await host.page.reload();
    await host.reads("Envoyé");
    await host.reads(/Sur votre compte/i);
    await host.look("payouts");
    assert.match(words(await host.download("Attestation pour votre comptable (PDF)")), /Délai maximal de paiement : 8 jours/);
    await host.open("/redemptions");
    await host.reads(/Sur votre compte viré le/);
    await host.look("redemptions-paid");
    await host.open("/payouts");
    assert.match(words(await host.download(/Relevé \(PDF\)/)), /40,00/);
  });

  await step("the operator follows the money to its transfers, and gives the year to the accountant", async () => {
    await operator.open("/operator");
    await operator.press("Ouvrir le bureau de l’argent");
    await operator.reads("D’accord");
    await operator.look("money");
    await operator.press(campaign, "main");
    await operator.press(/^Dû à la structure/, "main");
    await operator.reads("Encaissement");
    await operator.look("money-account");
    await operator.press("Encaissement", "main");
    await operator.reads(/redemption:\d+/);
    await operator.open("/money/debts");
    await operator.look("money-debts");
    await operator.open("/accounting");
    await operator.look("accounting");
    balanced(readFileSync(await operator.download(/FEC\d+1231\.txt/)));
  });

  await step("the funder reads what its money did, on the page and in files", async () => {
    await money.open("/campaigns");
    await money.look("campaigns");
    await money.press(campaign, "main");
    await money.look("campaign");
    await money.press("Voir le bilan de la campagne");
    await money.reads(home);
    await money.look("report");
    assert.match(readFileSync(await money.download("Télécharger en CSV"), "utf8"), /40,00|4000|40\.00/);
    assert.deepEqual([...readFileSync(await money.download("Télécharger le tableur")).subarray(0, 2)], [...Buffer.from("PK")]);
  });

  await step("everything is covered, and every invariant holds", async () => {
    const visitor = await stage.sit();
    await visitor.open("/cover");
    await visitor.reads("Chaque chèque en circulation est couvert");
    await visitor.look("cover");
    for (const [path, name] of [["/", "home"], [`/places?near=Thônes`, "places"]]) {
      await visitor.open(path);
      await visitor.look(name);
    }
    await visitor.press(home, "main");
    await visitor.look("place");
    for (const [path, name] of [["/operator", "operator"], ["/operator/invariants", "invariants"], ["/account", "account"], ["/orders", "orders"]]) {
      await operator.open(path);
      await operator.look(name);
    }
    await visitor.press("English");
    await visitor.reads("What this place offers");
    await visitor.look("place-english");
    assert.doesNotMatch(stage.program.run("verify"), /false/);
    assert.doesNotMatch(stage.program.log, new RegExp(read.slice(-136)), "no code is in the log");
  });
});

// Prices one help in cheques and minutes.
async function price(host, theme, cheques, minutes) {
  await host.press("Ajouter une aide");
  await host.page.getByLabel("Thème").selectOption({ label: theme });
  await host.fill({ "Prix en chèques": String(cheques), "Durée en minutes": String(minutes) });
  await host.look("service");
  await host.press("Enregistrer cette aide");
  await host.reads("est enregistrée");
}

// Hands a booklet over and prints it, as the prescriber's browser would.
async function handOver(giver, count) {
  await giver.open("/handovers");
  await giver.fill({ "Nombre de chèques": String(count), "Commune de la personne (facultatif)": "Thônes" });
  await giver.press(`Remettre ce carnet de ${count} chèques`);
  await giver.reads("Carnet remis");
  const link = giver.page.getByRole("link", { name: "Imprimer le carnet (PDF)" });
  const answer = await giver.page.request.get(await link.getAttribute("href"));
  assert.equal(answer.headers()["content-type"], "application/pdf");
  const pdf = join(stage.files, `carnet-${count}.pdf`);
  writeFileSync(pdf, await answer.body());
  return { pdf, code: typedCode(pdf) };
}

// Types a booklet's code at the counter.
async function typed(counter, code) {
  await counter.fill({ "Ou tapez le code du carnet": code.toLowerCase() });
  await counter.press("Voir ce carnet");
}

async function ink(person, selector) {
  return person.page.locator(selector).evaluate((element) => getComputedStyle(element).color);
}
