// Reads the codes of a cheque at the counter, without network. This is the browser's
// twin of the Go package vouchers: both must reproduce vouchers/testdata/vectors.json.

/**
 * Why a code is refused. reason is one of "length", "character", "check", "version",
 * "address", "signature", "unknown_key". The message never repeats the code.
 */
export class CodeError extends Error {
  constructor(reason) {
    super(`code refused: ${reason}`);
    this.name = "CodeError";
    this.reason = reason;
  }
}

// Crockford's base 32: no I, L, O or U.
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGIT_OF = new Map(Array.from(ALPHABET, (char, value) => [char, value]));

// --- The typed code: 13 secret characters and 2 check characters.

const TYPED_SECRET = 13;
const TYPED_LENGTH = 15;
const SPACING = new Set(" \t\r\n\u00a0\u202f-\u2010\u2011\u2013");

// What somebody meant by a character: in capitals or not, O for 0, I or L for 1. Spelt
// out, because toUpperCase also makes ASCII letters of some that are not (ı, ſ).
const MEANT = new Map(DIGIT_OF);
for (const [char, value] of DIGIT_OF) MEANT.set(char.toLowerCase(), value);
for (const char of "Oo") MEANT.set(char, 0);
for (const char of "IiLl") MEANT.set(char, 1);

/**
 * Reads a code as people type it and gives it as it is printed, "XXXX-XXXX-XXXX-XXX".
 * Every one or two wrong characters, so every swap of two neighbours too, are noticed.
 * @param {string} text
 * @returns {string}
 * @throws {CodeError} "length", "character" or "check"
 */
export function parseTyped(text) {
  const digits = [];
  for (const char of text) {
    if (SPACING.has(char)) continue;
    if (!MEANT.has(char)) throw new CodeError("character");
    if (digits.length === TYPED_LENGTH) throw new CodeError("length");
    digits.push(MEANT.get(char));
  }
  if (digits.length !== TYPED_LENGTH) throw new CodeError("length");
  const [a, b] = checkDigits(digits.slice(0, TYPED_SECRET));
  if (a !== digits[13] || b !== digits[14]) throw new CodeError("check");
  const plain = digits.map((digit) => ALPHABET[digit]).join("");
  return plain.match(/.{1,4}/g).join("-");
}

// Reed-Solomon over GF(32): the code is a multiple of (x − α)(x − α²) = x² + 6x + 8.
function checkDigits(secret) {
  let a = 0;
  let b = 0;
  for (const digit of secret) {
    const feedback = digit ^ a;
    a = b ^ times(feedback, 6);
    b = times(feedback, 8);
  }
  return [a, b];
}

// Multiplies in GF(32), the polynomials over GF(2) modulo x⁵ + x² + 1.
function times(a, b) {
  let product = 0;
  for (; b > 0; b >>= 1) {
    if (b & 1) product ^= a;
    a <<= 1;
    if (a > 31) a ^= 0b100101;
  }
  return product;
}

// --- The payload of a QR code: 13 bytes of ticket, 64 of signature, 8 of tag.

const PAYLOAD_LENGTH = 136;
const TICKET_SIZE = 13;
const SIGNED_SIZE = 77;
const VERSION = 1;
const DOMAIN = new TextEncoder().encode("passerelle qr 1\0");

/**
 * Finds the payload in what a scanner read: the address of a cheque, on whatever host,
 * or the bare payload. It looks at the form only; verifyPayload must follow.
 * @param {string} text
 * @returns {string}
 * @throws {CodeError} "address", "length" or "character"
 */
export function fromScan(text) {
  let payload = text.trim();
  if (payload.includes("://")) {
    const address = /^https?:\/\/[0-9a-z.:-]+\/c\/(.*)$/is.exec(payload);
    if (!address) throw new CodeError("address");
    payload = address[1];
  }
  decode(payload);
  return payload;
}

/**
 * Proves a payload by its signature, with the public keys alone, and gives its ticket.
 * The last 64 bits are the server's own tag, which is not looked at.
 *
 * Where the browser has no Ed25519 it rejects with the browser's own error, not with a
 * CodeError: then nothing is known about the code.
 * @param {string} payload
 * @param {{id: number, ed25519: string}[]} publicKeys as published, in base 64
 * @returns {Promise<{campaign: number, serial: number, face_cents: number, count: number,
 *   from: string, until: string}>} dates are ISO 8601, both included
 * @throws {CodeError} "length", "character", "version", "unknown_key" or "signature"
 */
export async function verifyPayload(payload, publicKeys) {
  const raw = decode(payload);
  const ticket = unpack(raw.subarray(0, TICKET_SIZE));
  if (ticket.version !== VERSION) throw new CodeError("version");
  const published = publicKeys.find((key) => key.id === ticket.key);
  if (!published) throw new CodeError("unknown_key");

  const signed = new Uint8Array(DOMAIN.length + TICKET_SIZE);
  signed.set(DOMAIN);
  signed.set(raw.subarray(0, TICKET_SIZE), DOMAIN.length);
  const bytes = Uint8Array.from(atob(published.ed25519), (char) => char.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes, "Ed25519", false, ["verify"]);
  const signature = raw.subarray(TICKET_SIZE, SIGNED_SIZE);
  if (!(await crypto.subtle.verify("Ed25519", key, signature, signed))) throw new CodeError("signature");
  return ticket.content;
}

// Decodes base 32 strictly: one text for each value.
function decode(payload) {
  if (payload.length !== PAYLOAD_LENGTH) throw new CodeError("length");
  const raw = new Uint8Array((PAYLOAD_LENGTH / 8) * 5);
  let waiting = 0;
  let bits = 0;
  let size = 0;
  for (const char of payload) {
    if (!DIGIT_OF.has(char)) throw new CodeError("character");
    waiting = ((waiting & 0xff) << 5) | DIGIT_OF.get(char);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      raw[size++] = waiting >> bits;
    }
  }
  return raw;
}

// Takes the fields out of the ticket's 104 bits, most significant first.
function unpack(bytes) {
  let position = 0;
  const next = (width) => {
    let value = 0;
    for (const end = position + width; position < end; position++) {
      value = value * 2 + ((bytes[position >> 3] >> (7 - (position & 7))) & 1);
    }
    return value;
  };
  const version = next(3);
  const key = next(5);
  const content = { campaign: next(20), serial: next(28), face_cents: next(16), count: next(7) };
  const from = next(13);
  const length = next(12);
  content.from = isoDay(from);
  content.until = isoDay(from + length);
  return { version, key, content };
}

// The date of a number of days since 1 January 2024.
function isoDay(days) {
  return new Date(Date.UTC(2024, 0, 1 + days)).toISOString().slice(0, 10);
}
