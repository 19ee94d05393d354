// The choice at the counter, without asking the server for each voucher more or less.

const stepper = document.querySelector(".stepper");
const form = stepper.closest("form");
const amount = form.elements.namedItem("count");
const minutes = form.elements.namedItem("duration_minutes");
const less = document.getElementById("less");
const more = document.getElementById("more");
const counts = stepper.dataset.counts.split("\n");
const buttons = stepper.dataset.buttons.split("\n");

function choose(count) {
  const chosen = Math.min(Math.max(count, 1), counts.length);
  amount.value = chosen;
  document.getElementById("chosen").textContent = counts[chosen - 1];
  document.getElementById("take").textContent = buttons[chosen - 1];
  less.disabled = chosen === 1;
  more.disabled = chosen === counts.length;
}

for (const [button, step] of [[less, -1], [more, 1]]) {
  button.type = "button";
  button.addEventListener("click", () => choose(Number(amount.value) + step));
}

for (const theme of form.querySelectorAll("[name=service_theme]")) {
  theme.addEventListener("change", () => {
    choose(Number(theme.dataset.price));
    minutes.value = theme.dataset.minutes;
  });
}

// A second tap would only ask for the same again; the key keeps it from counting twice.
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => delete form.dataset.sent);
