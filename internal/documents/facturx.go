package documents

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// sRGB says what the page's colours are. The International Color Consortium's profile
// may be embedded without restriction (icc/LICENSE.color.org).
//
//go:embed icc/sRGB2014.icc
var sRGB []byte

// errForeign means a PDF that this package did not draw.
var errForeign = errors.New("not a PDF of ours")

var (
	pdfEnd  = regexp.MustCompile(`trailer\n<<\n/Size (\d+)\n/Root (\d+) 0 R\n/Info (\d+) 0 R\n>>\nstartxref\n(\d+)\n%%EOF\n$`)
	noFiles = []byte("/Names <<\n/EmbeddedFiles << /Names [\n  \n] >>\n>>\n")
)

// attach makes a Factur-X file of a page drawn by this package and the same invoice as
// XML (Factur-X 1.0, profile EN 16931): an incremental update (ISO 32000-1 §7.5.6) with
// the attachment, its mention in the document's metadata and the colour profile. The
// page's own bytes stay as they are, and the same input gives the same bytes.
//
// It is not claimed to be PDF/A-3: nothing here could prove it.
func attach(pdf, invoice []byte, of about) ([]byte, error) {
	end := pdfEnd.FindSubmatch(pdf)
	if end == nil {
		return nil, errForeign
	}
	u := update{out: *bytes.NewBuffer(bytes.Clone(pdf))}
	u.size, _ = strconv.Atoi(string(end[1])) // digits, by the pattern
	root, _ := strconv.Atoi(string(end[2]))
	catalog, err := catalogOf(pdf, root)
	if err != nil {
		return nil, err
	}
	made := of.made.UTC().Format("D:20060102150405Z")
	file := u.stream(fmt.Sprintf("/Type /EmbeddedFile /Subtype /text#2Fxml /Params << /ModDate (%s) /Size %d >>", made, len(invoice)), invoice)
	spec := u.object("<< /Type /Filespec /F (factur-x.xml) /UF (factur-x.xml) /Desc (Factur-X) /AFRelationship /Alternative "+
		"/EF << /F %d 0 R /UF %[1]d 0 R >> >>", file)
	metadata := u.stream("/Type /Metadata /Subtype /XML", xmp(of))
	colours := u.stream("/N 3", sRGB)
	u.replace(root, bytes.Replace(catalog, noFiles, fmt.Appendf(nil, "/Version /1.7\n"+
		"/Names << /EmbeddedFiles << /Names [(factur-x.xml) %d 0 R] >> >>\n/AF [%[1]d 0 R]\n/Metadata %d 0 R\n"+
		"/OutputIntents [<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB IEC61966-2.1) /DestOutputProfile %d 0 R >>]\n",
		spec, metadata, colours), 1))
	return u.finish(fmt.Sprintf("/Root %d 0 R /Info %s 0 R /Prev %s", root, end[3], end[4])), nil
}

// catalogOf is the dictionary at the root of a PDF of ours, which has no attachment yet.
func catalogOf(pdf []byte, root int) ([]byte, error) {
	_, after, found := bytes.Cut(pdf, fmt.Appendf(nil, "\n%d 0 obj\n", root))
	catalog, _, ended := bytes.Cut(after, []byte("endobj\n"))
	if !found || !ended || bytes.Count(catalog, noFiles) != 1 {
		return nil, errForeign
	}
	return catalog, nil
}

// update appends objects to a PDF.
type update struct {
	out     bytes.Buffer
	size    int // one above the highest object number
	entries strings.Builder
}

func (u *update) begin(number int) {
	fmt.Fprintf(&u.entries, "%d 1\n%010d 00000 n \n", number, u.out.Len())
	fmt.Fprintf(&u.out, "%d 0 obj\n", number)
}

// object appends one and gives its number.
func (u *update) object(format string, args ...any) int {
	u.begin(u.size)
	fmt.Fprintf(&u.out, format+"\nendobj\n", args...)
	u.size++
	return u.size - 1
}

func (u *update) stream(entries string, content []byte) int {
	return u.object("<< %s /Length %d >>\nstream\n%s\nendstream", entries, len(content), content)
}

func (u *update) replace(number int, dictionary []byte) {
	u.begin(number)
	fmt.Fprintf(&u.out, "%sendobj\n", dictionary)
}

// finish writes where the new objects are. The file's identifier, which some readers
// want, is its content's.
func (u *update) finish(trailer string) []byte {
	start, id := u.out.Len(), sha256.Sum256(u.out.Bytes())
	fmt.Fprintf(&u.out, "xref\n%strailer\n<< /Size %d %s /ID [<%x> <%[4]x>] >>\nstartxref\n%d\n%%%%EOF\n",
		u.entries.String(), u.size, trailer, id[:16], start)
	return u.out.Bytes()
}

// xmp is the document's metadata (ISO 16684-1): what it is called, and that factur-x.xml
// is an invoice, in the words of the Factur-X extension schema (Factur-X 1.0 §6.2.2).
func xmp(of about) []byte {
	var title strings.Builder
	xml.EscapeText(&title, []byte(clean(of.title))) // a strings.Builder takes all
	return fmt.Appendf(nil, xmpPacket, title.String(), of.made.UTC().Format(time.RFC3339))
}

const xmpPacket = `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:title>
<pdf:Producer>Passerelle</pdf:Producer>
<xmp:CreatorTool>Passerelle</xmp:CreatorTool>
<xmp:CreateDate>%s</xmp:CreateDate>
<xmp:ModifyDate>%[2]s</xmp:ModifyDate>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">
<fx:DocumentType>INVOICE</fx:DocumentType>
<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>
<fx:Version>1.0</fx:Version>
<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
</rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>fx</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq>
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>DocumentFileName</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>The name of the embedded XML document</pdfaProperty:description></rdf:li>
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>DocumentType</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>The type of the hybrid document</pdfaProperty:description></rdf:li>
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>Version</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>The version of the standard that applies to the embedded XML document</pdfaProperty:description></rdf:li>
<rdf:li rdf:parseType="Resource"><pdfaProperty:name>ConformanceLevel</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>The conformance level of the embedded XML document</pdfaProperty:description></rdf:li>
</rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>`
