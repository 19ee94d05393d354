// Stripe's side: the fake that the product's own tests use, as a server.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { root } from "./program.js";

const key = "sk_test_e2e";
const secret = "whsec_e2e";

export class Stripe {
  #service;
  #delivered = 0;

  /** Builds and starts it in a folder. */
  async start(folder) {
    const binary = join(folder, "stripe");
    execFileSync("go", ["build", "-o", binary, "./e2e/stripe"], { cwd: root, stdio: "inherit" });
    this.#service = spawn(binary, [key, secret], { stdio: ["ignore", "pipe", "inherit"] });
    this.url = String((await once(this.#service.stdout, "data"))[0]).trim();
    this.settings = { STRIPE_SECRET_KEY: key, STRIPE_WEBHOOK_SECRET: secret, STRIPE_API_BASE: this.url };
  }

  /** The payer fills the page in; what Stripe has to say about it goes to the service, signed. */
  async pay(page, service) {
    await fetch(`${this.url}/test/pay/${page}`, { method: "POST" });
    const all = await (await fetch(`${this.url}/test/deliveries`)).json();
    for (const { Body, Signature } of all.slice(this.#delivered)) {
      const answer = await fetch(`${service}/webhooks/stripe`, {
        method: "POST", headers: { "Stripe-Signature": Signature, "Content-Type": "application/json" }, body: Buffer.from(Body, "base64"),
      });
      assert.equal(answer.status, 200, "the service takes what Stripe signed");
    }
    this.#delivered = all.length;
  }

  /** The first money that Stripe sends to the bank: {Descriptor, Amount}. */
  async sent() {
    for (let tries = 0; tries < 100; tries++) {
      const all = await (await fetch(`${this.url}/test/sent`)).json();
      if (all?.length) return all[0];
      await new Promise((done) => setTimeout(done, 200));
    }
    throw new Error("Stripe was not asked to send anything to the bank");
  }

  async stop() {
    if (this.#service?.exitCode !== null) return;
    const gone = once(this.#service, "exit");
    this.#service.kill("SIGTERM");
    await gone;
  }
}
