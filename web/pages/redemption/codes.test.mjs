// node --test web/pages/redemption/

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CodeError, fromScan, parseTyped, verifyPayload } from "./codes.js";

const vectors = JSON.parse(readFileSync(new URL("../../../vouchers/testdata/vectors.json", import.meta.url)));
const publicKeys = vectors.keys.map(({ id, ed25519 }) => ({ id, ed25519 }));
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// What a call gives, or the reason it is refused for.
async function outcome(call) {
  try {
    return { is: await call() };
  } catch (error) {
    if (!(error instanceof CodeError)) throw error;
    return { error: error.reason };
  }
}

test("every ticket verifies and reads the same", async () => {
  assert.ok(vectors.tickets.length > 0);
  for (const { payload, ticket } of vectors.tickets) {
    assert.deepEqual(await verifyPayload(payload, publicKeys), ticket);
  }
});

test("every wrong payload is refused for the same reason", async () => {
  assert.ok(vectors.refused_payloads.length > 0);
  for (const { case: name, payload, verify } of vectors.refused_payloads) {
    const { error = "" } = await outcome(() => verifyPayload(payload, publicKeys));
    assert.equal(error, verify, name);
  }
});

test("a payload with a changed character before the tag is refused", async () => {
  const { payload, ticket } = vectors.tickets[0];
  for (let i = 0; i < payload.length; i++) {
    const changed = payload.slice(0, i) + ALPHABET[(ALPHABET.indexOf(payload[i]) + 16) % 32] + payload.slice(i + 1);
    const { is, error } = await outcome(() => verifyPayload(changed, publicKeys));
    if (i < 124) assert.ok(error, `character ${i}`);
    else assert.deepEqual(is, ticket, `character ${i}`);
  }
});

test("no public key, no proof", async () => {
  const { error } = await outcome(() => verifyPayload(vectors.tickets[0].payload, []));
  assert.equal(error, "unknown_key");
});

test("typed codes are read the same", async () => {
  assert.ok(vectors.typed.length > 0 && vectors.typed_readings.length > 0);
  for (const { code } of vectors.typed) assert.equal(parseTyped(code), code);
  for (const { text, is, error } of vectors.typed_readings) {
    assert.deepEqual(await outcome(() => parseTyped(text)), is ? { is } : { error }, JSON.stringify(text));
  }
});

test("every wrong character and every swap in a typed code is noticed", () => {
  const refused = (chars) => assert.throws(() => parseTyped(chars.join("")), { reason: "check" });
  for (const { code } of vectors.typed) {
    const right = [...code.replaceAll("-", "")];
    right.forEach((char, i) => {
      for (const wrong of ALPHABET) if (wrong !== char) refused(right.with(i, wrong));
      if (i > 0 && right[i - 1] !== char) refused(right.with(i - 1, char).with(i, right[i - 1]));
    });
  }
});

test("scans are read the same", async () => {
  assert.ok(vectors.scans.length > 0);
  for (const { text, is, error } of vectors.scans) {
    assert.deepEqual(await outcome(() => fromScan(text)), is ? { is } : { error }, JSON.stringify(text));
  }
});

test("an error does not repeat the code", () => {
  assert.throws(() => parseTyped("SECRET-SECRET-00"), (error) => !String(error).includes("SECRET"));
});
