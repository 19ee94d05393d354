// The price follows what is typed. Without this a button asks for it.

const form = document.querySelector(".quoting");
const priced = document.getElementById("priced");
document.getElementById("again").remove();

let asked = 0;

async function price() {
  const mine = ++asked;
  const query = new URLSearchParams(new FormData(form));
  query.delete("_key");
  try {
    const answer = await fetch(`/quotes/new?${query}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("priced");
    if (mine === asked && fresh) priced.replaceChildren(...fresh.childNodes);
  } catch {
    // Without network the last price stays; the next page says the one that counts.
  }
}

form.addEventListener("change", price);
