// Says on the page whether a file of proofs holds. Nothing is sent anywhere.

import { checkProofs, ProofError } from "./proof.js";

const field = document.getElementById("proof-field");
const input = document.getElementById("proof");
const result = document.getElementById("proof-result");
field.hidden = false;

function sentence(proofs) {
  const words = field.dataset;
  if (proofs.length === 0) return words.empty;
  const parts = [words.proven.replace("{n}", proofs.length)];
  if (proofs.some((proof) => !proof.signed)) parts.push(words.unsigned);
  if (proofs.some((proof) => !proof.trusted)) parts.push(words.other);
  return parts.join(" ");
}

input.addEventListener("change", async () => {
  const [file] = input.files;
  if (!file) return;
  result.textContent = "";
  try {
    result.textContent = sentence(await checkProofs(await file.text(), field.dataset.key));
  } catch (error) {
    if (!(error instanceof ProofError)) throw error;
    result.textContent = field.dataset[{ "not-sealed": "notSealed" }[error.reason] ?? error.reason];
  }
});
