// node --test web/pages/seals/

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { checkProofs, ProofError } from "./proof.js";

const { key, proofs } = JSON.parse(readFileSync(new URL("../../../vouchers/testdata/proofs.json", import.meta.url)));
const file = JSON.stringify(proofs[12]);

// The reason that a file is refused for, "" where it holds.
async function reason(text) {
  try {
    await checkProofs(text, key);
    return "";
  } catch (error) {
    assert.ok(error instanceof ProofError, String(error));
    return error.reason;
  }
}

test("every proof that the service makes holds, alone and in a list", async () => {
  assert.ok(proofs.length > 20);
  for (const proof of proofs) {
    const [checked] = await checkProofs(JSON.stringify(proof, null, 2), key);
    assert.deepEqual([checked.signed, checked.trusted, checked.line], [true, true, proof.line]);
  }
  assert.equal((await checkProofs(JSON.stringify(proofs), key)).length, proofs.length);
  assert.deepEqual(await checkProofs("[]", key), []);
});

test("a seal of another key is told apart", async () => {
  const [checked] = await checkProofs(file, btoa("x".repeat(32)));
  assert.equal(checked.trusted, false);
});

test("no value of a proof can be changed", async () => {
  const places = [...file.matchAll(/[0-9A-Za-z+/|:._-]/g)].map((match) => match.index);
  for (const at of places) {
    for (const char of ["0", "1", "Z", "a", "|"]) {
      const changed = file.slice(0, at) + char + file.slice(at + 1);
      let same = false;
      try {
        same = JSON.stringify(JSON.parse(changed)) === file;
      } catch {
        // no JSON any more
      }
      if (!same) assert.notEqual(await reason(changed), "", changed);
    }
  }
});

test("what is wrong is named", async () => {
  const changed = (change) => {
    const proof = JSON.parse(file);
    change(proof);
    return JSON.stringify(proof);
  };
  assert.equal(await reason(changed((p) => p.line.amount_cents++)), "not-sealed");
  assert.equal(await reason(changed((p) => p.index++)), "not-sealed");
  assert.equal(await reason(changed((p) => p.path.pop())), "not-sealed");
  assert.equal(await reason(changed((p) => p.path.push(p.seal.root))), "not-sealed");
  assert.equal(await reason(changed((p) => p.seal.seal++)), "signature");
  assert.equal(await reason(changed((p) => (p.seal.previous = p.seal.root))), "signature");
  assert.equal(await reason(changed((p) => (p.line.event = "a|b"))), "malformed");
  assert.equal(await reason(changed((p) => (p.format = "passerelle-proof-2"))), "malformed");
  assert.equal(await reason(changed((p) => (p.index = "4"))), "malformed");
  for (const text of ["", "{}", "null", "1", "[null]", file.slice(1)]) assert.equal(await reason(text), "malformed", text);
});

test("a browser without Ed25519 says that the signature was not checked", async (t) => {
  t.mock.method(crypto.subtle, "importKey", async () => {
    throw new DOMException("unknown", "NotSupportedError");
  });
  const [checked] = await checkProofs(file, key);
  assert.equal(checked.signed, false);
});
