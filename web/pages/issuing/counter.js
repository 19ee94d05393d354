// The counter works without this: it writes the number on the button and follows the campaign.

const form = document.querySelector(".handover");
if (form) {
  const { count, campaign } = form.elements;
  const label = form.querySelector("button span");
  const plain = label.textContent;

  const say = () => {
    const n = Number(count.value);
    const sentence = n === 1 ? form.dataset.one : form.dataset.many.replace("{n}", n);
    label.textContent = n >= 1 ? sentence : plain;
  };

  const follow = () => {
    const chosen = campaign.selectedOptions[0].dataset;
    count.max = Math.min(chosen.left, 100);
    count.value = Math.min(chosen.size, chosen.left);
    say();
  };

  count.addEventListener("input", say);
  count.addEventListener("focus", () => count.select());
  if (campaign.tagName === "SELECT") campaign.addEventListener("change", follow);
  // One booklet for one press, however impatient; the key makes the rest safe.
  form.addEventListener("submit", () => setTimeout(() => { form.querySelector("button").disabled = true; }));
  addEventListener("pageshow", () => { form.querySelector("button").disabled = false; say(); });
}
