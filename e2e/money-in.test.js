// How money comes in and goes back, clicked through: a tariff, quotes, invoices, the bank's
// odd lines, a campaign that two pay for, a payment through Stripe, a refund.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Bank } from "./bank.js";
import { givesBack } from "./money-back.js";
import { account, admin, operating } from "./program.js";
import { balanced, day, importStatement, invoice, openOrganisation, password, Stage, steps, valid, words } from "./stage.js";
import { Stripe } from "./stripe.js";

const lead = { kind: "Financeur", name: "Département inventé des Bauges", person: "Inès Morel", email: "ines@bauges.example", password,
  siret: "00001010800009", street: "1 place du Château", postcode: "73000", town: "Chambéry" };
const state = { kind: "Financeur", name: "Préfecture inventée des Bauges", person: "Hugo Blanc", email: "hugo@prefecture.example", password,
  siret: "00001020700009", street: "2 place Caffe", postcode: "73000", town: "Chambéry" };
const colleague = { person: "Rosa Vidal", email: "rosa@passerelle.example", password };
const campaign = "Hiver numérique";
const payer = "FR7611111222223333333333391"; // the account that the lead pays from, of no bank

const stage = new Stage();
const stripe = new Stripe();
const bank = new Bank(account);
const own = new Bank(operating);

before(async () => {
  await stripe.start(stage.files);
  await stage.open({ OPERATING_IBAN: operating, ...stripe.settings });
}, { timeout: 200_000 });

after(async () => {
  await stage.close();
  await stripe.stop();
});

test("money comes in and goes back, clicked through", { timeout: 400_000 }, async (t) => {
  const step = steps(t);
  let operator, second, money, other, order;

  await step("the operator publishes its tariff, having seen it once more", async () => {
    operator = await stage.sit();
    await operator.signIn(admin);
    await operator.open("/tariffs");
    await operator.look("tariffs-empty");
    await operator.fill({ "Frais de service, hors TVA": "500", "Prix d’un carnet imprimé, hors TVA": "0,40", "TVA sur les frais": "20",
      "Durée de validité d’un devis": "30", "Conditions du service": "Le chèque vaut jusqu’à sa date. Ce qui n’a pas servi est rendu." });
    await operator.press("Vérifier ce tarif");
    await operator.reads("Les frais vont de 0 à 100 %");
    await operator.look("tariff-refused");
    await operator.fill({ "Frais de service, hors TVA": "5" });
    await operator.press("Vérifier ce tarif");
    await operator.reads(/5 % de la valeur des chèques et 0,40 € par carnet imprimé/);
    await operator.look("tariff-confirm");
    await operator.press(/^Publier ce tarif à partir du/);
    await operator.reads("Le tarif est publié");
    await operator.look("tariffs");
    await operator.press("1", "main");
    await operator.reads("Ce qui n’a pas servi est rendu.");
    await operator.look("terms");
  });

  await step("the operator opens two funders, and has a colleague for what needs two people", async () => {
    await openOrganisation(operator, lead);
    await openOrganisation(operator, state);
    await operator.open("/members");
    await operator.choose("Argent");
    await operator.fill({ "Prénom et nom": colleague.person, "Adresse e-mail": colleague.email, "Mot de passe (facultatif)": colleague.password });
    await operator.press("Ajouter ce membre");
    second = await stage.sit();
    await second.signIn(colleague);
  });

  await step("a new funder comes from signing in to paid cheques in six screens", async () => {
    money = await stage.sit();
    await money.signIn(lead);
    await money.press("Créer une campagne");
    await money.fill({ "Nom de la campagne": campaign, "Chèques par carnet": "8" });
    await money.press("Créer cette campagne");
    await money.fill({ "Nombre de chèques": "40" });
    await money.page.getByLabel("Nombre de chèques").blur();
    await money.page.locator(".price tfoot", { hasText: "426,40" }).waitFor();
    await money.look("funding-quote-new");
    await money.press("Préparer ce devis");
    await money.fill({ "Numéro d’engagement (facultatif)": "EJ-2026-0417", "Code service (facultatif)": "DNUM" });
    await money.choose("J’accepte .*");
    await money.look("funding-quote");
    await money.press(/Commander pour 426,40/);
    await money.reads("À payer : 426,40 €");
    await money.look("funding-order");
    order = { path: new URL(money.page.url()).pathname, references: await money.page.locator(".reference").allInnerTexts() };
    assert.equal(order.references.length, 2, "face value and fees have a reference each");
    await importStatement(operator, bank.statement(day(), [{ cents: 400_00, credit: true, party: lead.name, iban: payer, remittance: order.references[0] }]));
    await importStatement(operator, own.statement(day(), [{ cents: 26_40, credit: true, party: lead.name, iban: payer, remittance: order.references[1] }]));
    await money.page.reload();
    await money.reads("Tout est payé");
    const screens = money.screens.slice(1); // after the sign-in form
    assert.ok(screens.length <= 6, `${screens.length} screens: ${screens.join(" → ")}`);
    await money.look("funding-order-funded");
  });

  await step("both invoices are files that an accountant's program reads", async () => {
    for (const [kind, total] of [["face", "400,00"], ["fees", "26,40"]]) {
      await money.open(order.path);
      await money.page.locator(`[aria-labelledby=bill-${kind}] dd a`).click();
      await money.reads("EJ-2026-0417");
      await money.look(kind === "fees" ? "funding-invoice" : "funding-invoice-face");
      const pdf = await money.download("Télécharger le PDF");
      assert.match(words(pdf), new RegExp(total));
      assert.match(execFileSync("pdfdetach", ["-list", pdf], { encoding: "utf8" }), /1: factur-x\.xml/);
      const inside = join(stage.files, `${kind}.xml`);
      execFileSync("pdfdetach", ["-save", "1", "-o", inside, pdf]);
      const beside = await money.download("Télécharger le fichier de données");
      assert.deepEqual(readFileSync(inside), readFileSync(beside), "the file inside the PDF is the one beside it");
      assert.match(readFileSync(inside, "utf8"), /EJ-2026-0417/);
      valid(t, invoice, inside);
    }
    await operator.open("/invoices");
    await operator.look("invoices");
    await operator.page.locator(".invoice-number a").first().click();
    await operator.page.getByLabel("Où en est le dépôt").selectOption("Déposée");
    await operator.press("Noter ce dépôt");
    await operator.reads("Le dépôt est noté");
    await operator.look("invoice-deposited");
  });

  await step("without script, the price, the quote and its acceptance work too", async () => {
    const plain = await stage.sit({ javaScriptEnabled: false });
    await plain.signIn(lead);
    await plain.press(campaign, "main");
    await plain.press("Commander des chèques");
    await plain.fill({ "Nombre de chèques": "10" });
    await plain.choose("Sans papier");
    await plain.press("Recalculer le prix");
    await plain.reads("106,00 €");
    await plain.press("Préparer ce devis");
    await plain.choose("J’accepte .*");
    await plain.press(/Commander pour 106,00/);
    await plain.reads("À payer : 106,00 €");
    order.second = (await plain.page.locator(".reference").allInnerTexts())[0];
  });

  await step("with the keyboard alone too, and what is refused is said first", async () => {
    const { page } = money;
    const sends = async (name) => {
      await money.tab(name);
      await Promise.all([page.waitForEvent("domcontentloaded"), page.keyboard.press("Enter")]);
    };
    const types = async (name, text) => {
      await money.tab(name);
      await page.keyboard.press("ControlOrMeta+a");
      await page.keyboard.insertText(text);
    };
    await money.open("/campaigns");
    await money.press(campaign, "main");
    await money.press("Commander des chèques");
    await types("Nombre de chèques", "3");
    await money.tab("Sur papier");
    await page.keyboard.press("ArrowDown");
    await sends("Préparer ce devis");
    await money.reads(/Devis D/);
    await types("Numéro d’engagement (facultatif)", "n° 12");
    await money.tab(/^J’accepte/);
    await page.keyboard.press("Space");
    await sends(/^Commander pour/);
    await money.reads("ne convient pas à Chorus Pro");
    await money.look("quote-refused");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // the reason leads to the field
    assert.equal(await page.evaluate(() => document.activeElement.id), "engagement");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText("EJ-2026-0418");
    await money.tab(/^J’accepte/);
    await page.keyboard.press("Space");
    await sends(/^Commander pour/);
    await money.reads("À payer : 31,80 €");
    order.third = new URL(page.url()).pathname;
  });

  await step("an order on paper says what to pay, and nothing to click", async () => {
    const paper = words(await money.print(join(stage.files, "order.pdf")));
    assert.match(paper, /À payer : 31,80/);
    assert.match(paper, /RF\d\dPASS000003 +RF\d\dF2026000006/);
    assert.match(paper, /FR76 3000 6000/);
    assert.doesNotMatch(paper, /\bFait\b|Télécharger|en ligne|Par carte|Menu/);
  });

  await step("the State pays half, and sees only its own part", async () => {
    await money.open("/campaigns");
    await money.press(campaign, "main");
    await money.press("Partager le coût avec d’autres financeurs");
    await money.look("shares");
    const row = money.page.getByRole("group", { name: "Ajouter un financeur" });
    await row.getByLabel("Nom ou SIRET").fill(state.name);
    await row.getByLabel("Part de la valeur utilisée").fill("50");
    await money.press("Enregistrer ce partage");
    await money.reads("Le partage est enregistré");
    await money.look("campaign-shared");
    other = await stage.sit();
    await other.signIn(state);
    await other.press(campaign, "main");
    await other.reads("non communiqué");
    await other.reads("Aucune commande pour le moment");
    await other.look("campaign-of-another");
    await other.press("Commander des chèques");
    await other.fill({ "Nombre de chèques": "20" });
    await other.choose("Sans papier");
    await other.press("Préparer ce devis");
    await other.reads("En commandant, vous acceptez ce partage");
    await other.look("quote-shared");
    await other.choose("J’accepte .*");
    await other.press(/Commander pour 212,00/);
    await other.reads("À payer : 212,00 €");
  });

  await step("a payment without reference is proposed, its effect shown, and taken in one click", async () => {
    await importStatement(operator, bank.statement(day(), [
      { cents: 112_34, credit: true, party: lead.name, iban: payer, remittance: order.second },
      { cents: 200_00, credit: true, party: state.name.toUpperCase(), remittance: "SUBVENTION 2026" },
    ]));
    await operator.look("statement-cases");
    await operator.open("/statements/cases");
    await operator.reads("12,34 € de trop");
    await operator.look("cases");
    await operator.press(/^200,00.€ reçus$/, "main");
    await operator.look("case");
    await operator.press(/^Attribuer 200,00.€ à la commande n°/, "main");
    await operator.reads(/paieront la commande n° \d+ de Préfecture inventée/);
    await operator.reads("+200,00 €");
    await operator.look("case-confirm");
    await operator.press(/^Attribuer 200,00.€ à la commande n°/, "main");
    await operator.reads("Attribué à la commande");
    await operator.look("case-decided");
    await other.page.reload();
    await other.reads("Les chèques de cette commande peuvent être remis. Il reste à payer les frais de service");
    await other.reads("Faites un virement");
    await other.look("order-fees-left");
  });

  await step("an order is paid online: it waits until the bank has the money", async () => {
    await money.open(order.third);
    await money.press("Par carte");
    await money.look("order-online");
    await money.page.route("https://checkout.stripe.example/**", (route) => route.fulfill({ contentType: "text/html", body: "<h1>Stripe</h1>" }));
    await money.press(/^Payer 31,80.€ par carte$/);
    await stripe.pay(money.page.url().split("/").pop(), stage.program.url);
    const { Descriptor, Amount } = await stripe.sent(); // once the service knows, it asks for it
    await money.open(`${order.third}?paid=1`);
    await money.reads("31,80 € en attente de confirmation");
    assert.equal(await money.page.locator(".reference").count(), 0, "nobody is asked to pay twice");
    await money.look("order-on-its-way");
    assert.equal(Amount, 30_00, "face value, without the fees");
    await importStatement(operator, bank.statement(day(), [{ cents: Amount, credit: true, party: "STRIPE", remittance: Descriptor }]));
    await money.page.reload();
    await money.reads("Tout est payé");
    await operator.open("/payments");
    await operator.reads("Sur le relevé");
    await operator.look("payments");
  });

  await givesBack({ t, step, stage, bank, campaign, lead, state, payer, get people() { return { operator, second, money }; } });

  await step("the operator finds each euro in its place, and the year for the accountant", async () => {
    await operator.open("/money");
    await operator.look("money-full");
    await operator.press("Voir tous les comptes");
    await operator.look("money-accounts");
    await operator.open("/money/accounts/fees");
    await operator.page.locator(".table tbody th a").first().click();
    await operator.look("money-event");
    await operator.open("/accounting");
    balanced(readFileSync(await operator.download(/FEC\d+1231\.txt/)));
    assert.doesNotMatch(stage.program.run("verify"), /false/);
  });
});
