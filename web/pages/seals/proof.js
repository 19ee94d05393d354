// Checks a file of proofs in the browser, with nothing from the service: the twin of
// vouchers/proof.go, and of the same test data.

/** Why a proof is refused. reason is one of "malformed", "not-sealed", "signature". */
export class ProofError extends Error {
  constructor(reason) {
    super(`proof refused: ${reason}`);
    this.reason = reason;
  }
}

const MOST = Number.MAX_SAFE_INTEGER;
const utf8 = new TextEncoder();
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function needs(holds, reason = "malformed") {
  if (!holds) throw new ProofError(reason);
}

function unhex(text) {
  needs(typeof text === "string" && /^[0-9a-f]{64}$/.test(text));
  return Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
}

function unbase64(text, length) {
  needs(typeof text === "string" && /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length === 4 * Math.ceil(length / 3));
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  needs(bytes.length === length && btoa(String.fromCharCode(...bytes)) === text);
  return bytes;
}

// RFC 6962 §2.1: a leaf is hashed after a 0, a node after a 1.
async function sha256(mark, ...parts) {
  const text = new Uint8Array(await new Blob([Uint8Array.of(mark), ...parts]).arrayBuffer());
  return new Uint8Array(await crypto.subtle.digest("SHA-256", text));
}

// The root that a leaf and its audit path lead to (RFC 9162 §2.1.3.2).
async function rootOf(leaf, index, count, path) {
  let [root, last] = [leaf, count - 1];
  needs(index < count, "not-sealed");
  for (const neighbour of path.map(unhex)) {
    needs(last > 0, "not-sealed");
    if (index % 2 === 1 || index === last) {
      root = await sha256(1, neighbour, root);
      for (; index % 2 === 0 && index !== 0; last = Math.floor(last / 2)) index /= 2;
    } else {
      root = await sha256(1, root, neighbour);
    }
    [index, last] = [Math.floor(index / 2), Math.floor(last / 2)];
  }
  needs(last === 0, "not-sealed");
  return hex(root);
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

function wellFormed({ format, line, index, path, seal }) {
  const whole = [line.transfer, line.cause, line.amount_cents, line.campaign, index, seal.seal, seal.from, seal.to, seal.count, seal.key];
  needs(whole.every((n) => Number.isInteger(n) && n >= 0 && n <= MOST) && format === "passerelle-proof-1" && Array.isArray(path));
  needs([line.event, line.debit, line.credit, line.salt].every((text) => typeof text === "string" && !text.includes("|")));
  needs(INSTANT.test(line.at) && INSTANT.test(seal.sealed_at));
}

async function checkOne(proof, key) {
  wellFormed(proof);
  const { line: l, index, path, seal: s } = proof;
  const text = [l.transfer, l.at, l.event, l.cause, l.debit, l.credit, l.amount_cents, l.campaign, l.salt].join("|");
  needs(l.transfer >= s.from && l.transfer <= s.to, "not-sealed");
  needs((await rootOf(await sha256(0, utf8.encode(text)), index, s.count, path)) === hex(unhex(s.root)), "not-sealed");
  const [publicKey, signature] = [unbase64(s.public_key, 32), unbase64(s.signature, 64)];
  const signed = ["passerelle seal 1", s.seal, s.from, s.to, s.count, s.root, hex(unhex(s.previous)), s.sealed_at, s.key, hex(publicKey)].join("|");
  let verifier; // stays undefined in browsers that do not know Ed25519
  try {
    verifier = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch (error) {
    needs(error.name === "NotSupportedError", "signature");
  }
  needs(!verifier || (await crypto.subtle.verify("Ed25519", verifier, signature, utf8.encode(signed))), "signature");
  return { line: l, seal: s, signed: Boolean(verifier), trusted: s.public_key === key };
}

/**
 * Checks every proof of a file against the key that is trusted, in base 64.
 * @returns {Promise<{line, seal, signed: boolean, trusted: boolean}[]>} signed is false where the browser cannot check signatures
 */
export async function checkProofs(file, key) {
  try {
    return await Promise.all([JSON.parse(file)].flat().map((proof) => checkOne(proof, key)));
  } catch (error) {
    throw error instanceof ProofError ? error : new ProofError("malformed");
  }
}
