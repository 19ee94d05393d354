// Booking: a place says when it helps, a prescriber and people without an account take seats,
// somebody waits and gets the seat that another gives back.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { calls } from "./api.js";
import { Bank } from "./bank.js";
import { account, admin, root } from "./program.js";
import { day, password, Stage, steps, words } from "./stage.js";

const stage = new Stage();
const bank = new Bank(account);
const home = "CCAS imaginaire de Thônes"; // of the shipped file

before(() => stage.open(), { timeout: 150_000 });

after(() => stage.close());

test("sessions are booked, waited for, moved and given back", { timeout: 300_000 }, async (t) => {
  const step = steps(t), { call, enter, opens } = calls(stage);
  let host, giver, place, first, second, prescriber, structure;

  await step("a place takes the vouchers of a campaign, and two people have a booklet", async () => {
    const operator = await enter(admin);
    const funder = await opens(operator, "funder", "Département inventé");
    prescriber = await opens(operator, "prescriber", "CCAS inventé");
    structure = await opens(operator, "structure", "Association Clic et Sapin", "00001006600017");
    await call(operator, "POST", "/places/import?source=invente", readFileSync(join(root, "internal", "catalogue", "data", "invented-places.csv")), "text/csv");
    place = (await call("", "GET", "/places?near=74230&limit=50")).items.find((one) => one.name === home).id;
    await call(structure.token, "POST", `/places/${place}/claim`);
    await call(structure.token, "PUT", `/places/${place}/services`, { services: [{ theme: "everyday_tools", title: "Premiers pas", price_vouchers: 2, duration_minutes: 60 }] });
    await call(operator, "POST", `/places/${place}/labels`, { ends_on: day(300) });
    const campaign = (await call(funder.token, "POST", "/campaigns", { name: "Premiers pas", face_cents: 1000, booklet_size: 8, starts_on: day(), ends_on: day(120),
      tolerance_days: 15, price_cap: 4, no_show: "one", departements: ["74"] })).id;
    const order = await call(funder.token, "POST", "/orders", { campaign, vouchers: 40 });
    await call(operator, "POST", "/statements", bank.statement(day(), [{ cents: 400_00, credit: true, party: "Département inventé", remittance: order.reference }]), "application/xml");
    const prescribers = (await call(funder.token, "GET", "/organisations?kind=prescriber&q=CCAS")).items;
    await call(funder.token, "POST", "/allocations", { campaign, prescriber: prescribers[0].id, vouchers: 30 });
    first = await call(prescriber.token, "POST", "/handovers", { campaign, insee: "74280" });
    second = await call(prescriber.token, "POST", "/handovers", { campaign, insee: "74280" });
  });

  await step("the place publishes a session of one seat, and an afternoon of appointments", async () => {
    host = await stage.sit();
    await host.signIn(structure);
    await host.open(`/places/${place}/sessions`);
    await host.fill({ "Nombre de places": "1", "À savoir avant de venir": "Sonnez au portail vert." });
    await host.press("Publier cette séance");
    await host.reads("1 séance est publiée");
    await host.page.getByText("Publier des rendez-vous individuels").click();
    await host.look("booking-sessions");
    await host.press("Publier ces rendez-vous");
    await host.reads(/\d+ rendez-vous sont publiés/);
    await host.open(`/places/${place}`);
    await host.look("booking-place");
  });

  await step("the prescriber books for the person at the counter, with what was just handed over", async () => {
    giver = await stage.sit();
    await giver.signIn(prescriber);
    await giver.open(`/handovers/${first.id}`);
    await giver.look("booking-booklet");
    await giver.press("Prendre un rendez-vous pour cette personne");
    await giver.reads("il a 8 chèques libres");
    await giver.look("booking-find");
    await giver.page.locator(".found-session", { hasText: /·\s1\sh/ }).first().getByRole("link").click();
    await giver.reads("Si vous ne venez pas sans annuler un jour avant, le lieu peut prendre 1 chèque.");
    await giver.look("booking-new");
    await giver.fill({ "E-mail pour le rappel": "ada@exemple" });
    await giver.press("Réserver cette place (2 chèques)");
    assert.equal(await giver.page.locator('.error-summary a[href="#email"]').count(), 1);
    await giver.fill({ "E-mail pour le rappel": "ada@exemple.example", "Téléphone": "04 50 02 00 00" });
    await giver.press("Réserver cette place (2 chèques)");
    await giver.reads("Le rendez-vous est réservé");
    await giver.reads("2 chèques mis de côté (20 €). Ils ne sont pas dépensés.");
    await giver.look("booking-slip");
    const path = new URL(giver.page.url()).pathname;
    const pdf = await giver.page.request.get(`${path}/slip.pdf`);
    const file = join(stage.files, "slip.pdf");
    writeFileSync(file, await pdf.body());
    assert.match(words(file), /Bon de rendez-vous[\s\S]*CCAS imaginaire de Thônes[\s\S]*2 chèques sont mis de côté/);
  });

  await step("somebody with a phone, no script and no account types a code and waits for a seat", async () => {
    const holder = await stage.stand({ javaScriptEnabled: false });
    await holder.open(`/places/${place}`);
    await holder.page.locator(".session-book").first().click();
    await holder.reads("Code du carnet");
    await holder.fill({ "Code du carnet": "ABCD EFGH" });
    await holder.press("Continuer");
    assert.equal(await holder.page.locator(".error-summary").count(), 1);
    await holder.fill({ "Code du carnet": second.typed });
    await holder.press("Continuer");
    await holder.reads("Cette séance est complète");
    await holder.press("M’inscrire sur la liste d’attente");
    await holder.reads("Vous êtes sur la liste d’attente");
    assert.doesNotMatch(holder.page.url(), new RegExp(second.typed));

    await giver.press("Annuler ce rendez-vous");
    await giver.reads("Ce rendez-vous est annulé");
    await holder.page.reload();
    await holder.reads("Le rendez-vous est réservé");
    await holder.open("/c");
    await holder.reads("2 chèques sont réservés pour un rendez-vous.");
    await holder.press("Premiers pas");
    await holder.press("Changer de séance");
    await holder.press(/Prendre cette séance/);
    await holder.reads("Le rendez-vous est changé");
  });

  await step("a person sees the booklet, its appointment and its slip, by day and by night", async () => {
    const holder = await stage.stand();
    await holder.open("/c");
    await holder.fill({ "Code du carnet": second.typed });
    await holder.press("Voir mon carnet");
    await holder.look("booking-card");
    await holder.page.locator(".booked-list a").first().click();
    await holder.look("booking-slip-holder");
    await holder.press("Changer de séance");
    await holder.look("booking-move");
  });

  await step("the place sees who comes, without a name, and follows it in a calendar", async () => {
    await host.open(`/places/${place}/sessions`);
    await host.press("Créer une adresse de calendrier");
    await host.look("booking-feed");
    const feed = await host.page.getByLabel("Adresse du calendrier").inputValue();
    const calendar = await (await fetch(feed)).text();
    assert.match(calendar, /BEGIN:VEVENT[\s\S]*\(1\/1\)/);
    await host.open(`/places/${place}/sessions`);
    await host.page.locator(".session", { hasText: "Complet" }).first().getByRole("link").first().click();
    await host.reads("1 place réservée sur 1");
    await host.look("booking-session");
  });

  await step("the counter says what is put aside", async () => {
    await host.open("/redemptions");
    await host.fill({ "Ou tapez le code du carnet": second.typed });
    await host.press("Voir ce carnet");
    await host.reads(/Autre rendez-vous ici/);
    await host.look("booking-counter");
  });
});
