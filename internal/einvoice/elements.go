package einvoice

import "encoding/xml"

// The elements of the Cross Industry Invoice in the schema's order. Optional ones are
// pointers: an empty parent would break the schema. Amounts are strings because a Cents
// by itself would be written as an integer.

type xmlDocument struct {
	XMLName xml.Name `xml:"rsm:CrossIndustryInvoice"`
	RSM     string   `xml:"xmlns:rsm,attr"`
	RAM     string   `xml:"xmlns:ram,attr"`
	QDT     string   `xml:"xmlns:qdt,attr"`
	UDT     string   `xml:"xmlns:udt,attr"`

	Process string `xml:"rsm:ExchangedDocumentContext>ram:BusinessProcessSpecifiedDocumentContextParameter>ram:ID"`
	Profile string `xml:"rsm:ExchangedDocumentContext>ram:GuidelineSpecifiedDocumentContextParameter>ram:ID"`

	Number   string    `xml:"rsm:ExchangedDocument>ram:ID"`
	Kind     int       `xml:"rsm:ExchangedDocument>ram:TypeCode"`
	IssuedOn xmlDay    `xml:"rsm:ExchangedDocument>ram:IssueDateTime>udt:DateTimeString"`
	Notes    []xmlNote `xml:"rsm:ExchangedDocument>ram:IncludedNote"`

	Trade xmlTrade `xml:"rsm:SupplyChainTradeTransaction"`
}

type xmlTrade struct {
	Lines          []xmlLine     `xml:"ram:IncludedSupplyChainTradeLineItem"`
	BuyerReference string        `xml:"ram:ApplicableHeaderTradeAgreement>ram:BuyerReference,omitempty"`
	Seller         xmlParty      `xml:"ram:ApplicableHeaderTradeAgreement>ram:SellerTradeParty"`
	Buyer          xmlParty      `xml:"ram:ApplicableHeaderTradeAgreement>ram:BuyerTradeParty"`
	Order          *xmlReference `xml:"ram:ApplicableHeaderTradeAgreement>ram:BuyerOrderReferencedDocument"`
	Delivery       struct{}      `xml:"ram:ApplicableHeaderTradeDelivery"`
	Settlement     xmlSettlement `xml:"ram:ApplicableHeaderTradeSettlement"`
}

type xmlNote struct {
	Content string `xml:"ram:Content"`
	Subject string `xml:"ram:SubjectCode,omitempty"`
}

type xmlLine struct {
	ID          int         `xml:"ram:AssociatedDocumentLineDocument>ram:LineID"`
	Name        string      `xml:"ram:SpecifiedTradeProduct>ram:Name"`
	Description string      `xml:"ram:SpecifiedTradeProduct>ram:Description,omitempty"`
	Unit        string      `xml:"ram:SpecifiedLineTradeAgreement>ram:NetPriceProductTradePrice>ram:ChargeAmount"`
	Quantity    xmlQuantity `xml:"ram:SpecifiedLineTradeDelivery>ram:BilledQuantity"`
	VAT         xmlTax      `xml:"ram:SpecifiedLineTradeSettlement>ram:ApplicableTradeTax"`
	Amount      string      `xml:"ram:SpecifiedLineTradeSettlement>ram:SpecifiedTradeSettlementLineMonetarySummation>ram:LineTotalAmount"`
}

type xmlQuantity struct {
	Unit  string `xml:"unitCode,attr"`
	Value int    `xml:",chardata"`
}

type xmlParty struct {
	SIRET    xmlID    `xml:"ram:GlobalID"` // BT-29, BT-46
	Name     string   `xml:"ram:Name"`
	SIREN    xmlID    `xml:"ram:SpecifiedLegalOrganization>ram:ID"`                                // BT-30, BT-47
	Email    *xmlText `xml:"ram:DefinedTradeContact>ram:EmailURIUniversalCommunication>ram:URIID"` // BT-43, BT-58
	Postcode string   `xml:"ram:PostalTradeAddress>ram:PostcodeCode"`
	Street   string   `xml:"ram:PostalTradeAddress>ram:LineOne"`
	Town     string   `xml:"ram:PostalTradeAddress>ram:CityName"`
	Country  string   `xml:"ram:PostalTradeAddress>ram:CountryID"`
	Address  xmlID    `xml:"ram:URIUniversalCommunication>ram:URIID"` // BT-34, BT-49
	VATID    *xmlID   `xml:"ram:SpecifiedTaxRegistration>ram:ID"`     // BT-31, BT-48
}

type xmlID struct {
	Scheme string `xml:"schemeID,attr"`
	Value  string `xml:",chardata"`
}

type xmlText struct {
	Value string `xml:",chardata"`
}

type xmlReference struct {
	Number   string  `xml:"ram:IssuerAssignedID"`
	IssuedOn *xmlDay `xml:"ram:FormattedIssueDateTime>qdt:DateTimeString"`
}

type xmlDay struct {
	Format string `xml:"format,attr"`
	Value  string `xml:",chardata"`
}

type xmlSettlement struct {
	Reference string        `xml:"ram:PaymentReference,omitempty"`
	Currency  string        `xml:"ram:InvoiceCurrencyCode"`
	Means     *xmlMeans     `xml:"ram:SpecifiedTradeSettlementPaymentMeans"`
	VAT       xmlTax        `xml:"ram:ApplicableTradeTax"`
	Period    *xmlPeriod    `xml:"ram:BillingSpecifiedPeriod"`
	DueOn     xmlDay        `xml:"ram:SpecifiedTradePaymentTerms>ram:DueDateDateTime>udt:DateTimeString"`
	Sums      xmlSums       `xml:"ram:SpecifiedTradeSettlementHeaderMonetarySummation"`
	Preceding *xmlReference `xml:"ram:InvoiceReferencedDocument"`
}

type xmlMeans struct {
	Code int      `xml:"ram:TypeCode"`
	IBAN string   `xml:"ram:PayeePartyCreditorFinancialAccount>ram:IBANID"`
	BIC  *xmlText `xml:"ram:PayeeSpecifiedCreditorFinancialInstitution>ram:BICID"`
}

type xmlTax struct {
	Amount     string `xml:"ram:CalculatedAmount,omitempty"`
	Type       string `xml:"ram:TypeCode"`
	Reason     string `xml:"ram:ExemptionReason,omitempty"`
	Basis      string `xml:"ram:BasisAmount,omitempty"`
	Category   string `xml:"ram:CategoryCode"`
	ReasonCode string `xml:"ram:ExemptionReasonCode,omitempty"`
	Rate       string `xml:"ram:RateApplicablePercent,omitempty"`
}

type xmlPeriod struct {
	From xmlDay `xml:"ram:StartDateTime>udt:DateTimeString"`
	To   xmlDay `xml:"ram:EndDateTime>udt:DateTimeString"`
}

type xmlSums struct {
	Lines string    `xml:"ram:LineTotalAmount"`     // BT-106
	Net   string    `xml:"ram:TaxBasisTotalAmount"` // BT-109
	VAT   xmlAmount `xml:"ram:TaxTotalAmount"`      // BT-110
	Gross string    `xml:"ram:GrandTotalAmount"`    // BT-112
	Due   string    `xml:"ram:DuePayableAmount"`    // BT-115
}

type xmlAmount struct {
	Currency string `xml:"currencyID,attr"`
	Value    string `xml:",chardata"`
}
