// Says on the page whether a file of proofs holds. Nothing is sent anywhere.

import { checkProofs, ProofError } from "./proof.js";

const field = document.getElementById("proof-field");
const input = document.getElementById("proof");
const result = document.getElementById("proof-result");
field.hidden = false;

function sentence(proofs) {
  const words = field.dataset;
  if (proofs.length === 0) return words.empty;
  if (proofs.some((proof) => !proof.trusted)) return words.other;
  if (proofs.some((proof) => !proof.signed)) return words.unsigned;
  return words.proven.replace("{n}", proofs.length);
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
