// What a walk does not look at, done as a program does it.

import assert from "node:assert/strict";

import { password } from "./stage.js";

const scopes = ["organisations", "members", "places", "labels", "campaigns", "orders", "statements", "handovers"];

/** The API of the program on a stage. */
export function calls(stage) {
  /** Calls the API with a token; what is no answer ends the walk. */
  async function call(token, method, path, body, kind = "application/json") {
    const answer = await fetch(`${stage.program.url}/api/v1${path}`, { method, headers: { "Content-Type": kind, ...(token && { Authorization: `Bearer ${token}` }) },
      body: body && (kind === "application/json" ? JSON.stringify(body) : body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  async function enter(who) {
    return (await call("", "POST", "/tokens", { email: who.email, password: who.password, label: "e2e", days: 1, scopes })).token;
  }

  /** Opens an organisation and gives its first admin, with a token. */
  async function opens(operator, kind, name, siret) {
    const who = { email: `${kind}@organisation.example`, password };
    await call(operator, "POST", "/organisations", { kind, name, ...(siret && { siret, street: "1 rue", postcode: "74230", town: "Thônes" }), admin: { name: "Sacha Roy", ...who } });
    return { ...who, token: await enter(who) };
  }

  return { call, enter, opens };
}
