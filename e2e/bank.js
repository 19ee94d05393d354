// The bank's side: statements as camt.053.001.08, and what a pain.001 file orders.

const escape = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
const euros = (cents) => `${Math.trunc(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;

/** One account and what was booked on it. Amounts are in cents, days are ISO 8601. */
export class Bank {
  #balance = 0;
  #statements = 0;
  #booked = 0;

  constructor(iban) {
    this.iban = iban;
  }

  /**
   * A statement of one day, as the file that the bank's site offers.
   * @param {string} day
   * @param {{cents: number, credit: boolean, party: string, iban?: string, remittance?: string, endToEnd?: string}[]} entries
   * @returns {string}
   */
  statement(day, entries) {
    const id = `RELEVE-${++this.#statements}`;
    const opening = this.#balance;
    for (const entry of entries) this.#balance += entry.credit ? entry.cents : -entry.cents;
    return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>${id}</MsgId><CreDtTm>${day}T20:00:00+01:00</CreDtTm></GrpHdr>
<Stmt><Id>${id}</Id><CreDtTm>${day}T20:00:00+01:00</CreDtTm><Acct><Id><IBAN>${this.iban}</IBAN></Id><Ccy>EUR</Ccy></Acct>
${balance("OPBD", opening, day)}${balance("CLBD", this.#balance, day)}
${entries.map((entry) => this.#entry(day, entry)).join("\n")}
</Stmt></BkToCstmrStmt></Document>
`;
  }

  #entry(day, { cents, credit, party, iban, remittance = "", endToEnd = "NOTPROVIDED" }) {
    const reference = `BANQUE${++this.#booked}`;
    const [direction, family, role] = credit ? ["CRDT", "RCDT", "Dbtr"] : ["DBIT", "ICDT", "Cdtr"];
    return `<Ntry><NtryRef>${this.#booked}</NtryRef><Amt Ccy="EUR">${euros(cents)}</Amt><CdtDbtInd>${direction}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>${day}</Dt></BookgDt><ValDt><Dt>${day}</Dt></ValDt><AcctSvcrRef>${reference}</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>${family}</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>${escape(endToEnd)}</EndToEndId></Refs><Amt Ccy="EUR">${euros(cents)}</Amt><CdtDbtInd>${direction}</CdtDbtInd>
<RltdPties><${role}><Pty><Nm>${escape(party)}</Nm></Pty></${role}>${iban ? `<${role}Acct><Id><IBAN>${iban}</IBAN></Id></${role}Acct>` : ""}</RltdPties>${remittance && `<RmtInf><Ustrd>${escape(remittance)}</Ustrd></RmtInf>`}
</TxDtls></NtryDtls></Ntry>`;
  }
}

function balance(code, cents, day) {
  return `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${euros(cents)}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>${day}</Dt></Dt></Bal>`;
}

/** The transfers that a pain.001 file orders, as debits of a statement, and their day. */
export function ordered(pain001) {
  const text = (xml, name) => new RegExp(`<${name}\\b[^>]*>([^<]*)</${name}>`).exec(xml)[1];
  const entries = pain001.match(/<CdtTrfTxInf>.*?<\/CdtTrfTxInf>/gs).map((transfer) => ({
    cents: Math.round(Number(text(transfer, "InstdAmt")) * 100), credit: false,
    party: text(/<Cdtr>.*?<\/Cdtr>/s.exec(transfer)[0], "Nm"), endToEnd: text(transfer, "EndToEndId"),
  }));
  return { day: /<ReqdExctnDt>.*?(\d{4}-\d\d-\d\d).*?<\/ReqdExctnDt>/s.exec(pain001)[1], entries };
}
