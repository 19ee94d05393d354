// The second half of the money's walk: a campaign lasts longer, what was too much goes back.
// The closing itself needs months to pass: the stories of internal/closing live through it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { ordered } from "./bank.js";
import { day, importStatement, transfers, valid } from "./stage.js";

export async function givesBack({ t, step, bank, campaign, lead, state, payer, ...rest }) {
  const { operator, second, money } = rest.people;

  await step("the lead lets its campaign last longer, having seen whom it concerns", async () => {
    await money.open("/campaigns");
    await money.press(campaign, "main");
    await money.press("Fin de campagne et argent rendu");
    await money.reads("Votre part");
    assert.ok(!(await money.page.locator("main").innerText()).includes(state.name), "another funder's amounts are its own");
    await money.look("closing");
    await money.press("Prolonger la campagne");
    await money.look("extension");
    await money.fill({ "Nouvelle date de fin": day(1) });
    await money.press("Voir l’effet exact");
    await money.reads("Choisissez une date plus tardive");
    await money.look("extension-refused");
    await money.fill({ "Nouvelle date de fin": day(300) });
    await money.press("Voir l’effet exact");
    await money.reads("Aucun carnet n’est encore remis");
    await money.reads("Tolérance comprise, les chèques sont acceptés jusqu’au");
    await money.look("extension-effect");
    await money.fill({ "Votre nom, pour signature": lead.person });
    await money.choose("Je décide cette prolongation pour mon organisation.");
    await money.press(/^Prolonger jusqu’au/);
    await money.reads(`signée par ${lead.person}`);
  });

  await step("it says what becomes of the rest, and on which account", async () => {
    await money.choose("Me rembourser");
    await money.press("Enregistrer ce choix");
    await money.reads("Votre choix est enregistré");
    await money.look("closing-chosen");
    await money.press("Voir mes avoirs et remboursements");
    await money.reads("12,34 €");
    await money.reads("Remboursement");
    await money.look("credits");
    await money.press("Donner un compte");
    await money.look("refund-account");
    await money.fill({ IBAN: "FR76 1234", "Titulaire du compte": "Paierie inventée" });
    await money.press("Donner ce compte");
    await money.look("refund-account-refused");
    await money.fill({ IBAN: payer });
    await money.press("Donner ce compte");
    await money.reads("L’opérateur va vous rappeler");
  });

  await step("another person of the operator verifies the account", async () => {
    await second.open("/refunds");
    await second.look("refunds-to-verify");
    await second.fill({ "Comment avez-vous vérifié ?": "Mme Morel, au 04 79 00 00 00, ce jour" });
    await second.press(`Le compte de ${lead.name} est le bon`);
    await second.reads("est vérifié");
  });

  await step("what was paid too much goes back: one asks, another approves with the effect before the eyes", async () => {
    await operator.open("/statements/cases");
    await operator.press(/^112,34.€ reçus$/, "main");
    await operator.look("case-too-much");
    await operator.press(/^Rendre 12,34.€ au payeur$/, "main");
    await operator.reads("retourneront au compte qui a payé");
    await operator.press(/^Rendre 12,34.€ au payeur$/, "main");
    await operator.reads("Rendu au payeur");
    await operator.open("/refunds");
    await operator.press("Voir l’effet exact");
    await operator.reads("une autre personne doit l’approuver");
    await operator.look("refunds-own");
    await second.open("/refunds");
    await second.look("refunds");
    await second.press("Voir l’effet exact");
    await second.reads("1 virement de 12,34 € est ordonné à la banque");
    await second.reads("−12,34 €");
    await second.look("refunds-confirm");
    await second.press(/^Approuver 1 remboursement \(12,34.€\)$/);
    await second.reads("1 remboursement est ordonné");
    await second.look("refunds-ordered");
    const file = await second.download(/^Télécharger RFF/);
    valid(t, transfers, file);
    const { day: booked, entries } = ordered(readFileSync(file, "utf8"));
    await importStatement(operator, bank.statement(booked, entries));
    await money.open("/refunds");
    await money.reads("Envoyé");
    await money.look("credits-sent");
  });
}
