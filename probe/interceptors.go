package probe

import (
	"crypto/x509"
	"strings"
)

// interceptors are products that stand in TLS connections with certificates of
// their own, by words in their authorities' names, in lower case.
var interceptors = []struct{ words, product string }{
	{"avast! ", "Avast"}, {"avast mail", "Avast"}, {"avast web", "Avast"}, {"avast antivirus", "Avast"}, {"avast generated", "Avast"},
	{"avg technologies", "AVG"}, {"avg web/mail shield", "AVG"}, {"avg antivirus", "AVG"},
	{"avira", "Avira"},
	{"kaspersky", "Kaspersky"},
	{"eset ssl filter", "ESET"}, {"eset, spol", "ESET"},
	{"bitdefender", "Bitdefender"},
	{"bullguard", "BullGuard"},
	{"g data", "G DATA"},
	{"dr.web", "Dr.Web"}, {"doctor web", "Dr.Web"},
	{"f-secure", "F-Secure"}, {"withsecure", "WithSecure"},
	{"norton web/mail shield", "Norton"}, {"norton antivirus", "Norton"}, {"symantec web security", "Symantec"}, {"blue coat", "Blue Coat"},
	{"mcafee", "McAfee"}, {"skyhigh", "Skyhigh"},
	{"trend micro", "Trend Micro"},
	{"panda security", "Panda"}, {"comodo ssl inspection", "Comodo"}, {"adguard", "AdGuard"}, {"quick heal", "Quick Heal"},
	{"sophos", "Sophos"}, {"cyberoam", "Cyberoam"}, {"astaro", "Sophos"},
	{"fortinet", "Fortinet"}, {"fortigate", "Fortinet"},
	{"palo alto networks", "Palo Alto Networks"},
	{"check point", "Check Point"}, {"sonicwall", "SonicWall"}, {"watchguard", "WatchGuard"}, {"fireware", "WatchGuard"},
	{"barracuda", "Barracuda"}, {"cisco umbrella", "Cisco Umbrella"}, {"cisco ironport", "Cisco"}, {"forcepoint", "Forcepoint"}, {"websense", "Forcepoint"},
	{"zscaler", "Zscaler"}, {"netskope", "Netskope"}, {"iboss", "iboss"}, {"cato networks", "Cato Networks"}, {"menlo security", "Menlo Security"},
	{"cloudflare for teams", "Cloudflare Gateway"}, {"gateway ca - cloudflare", "Cloudflare Gateway"}, {"untangle", "Untangle"},
	{"securly", "Securly"}, {"lightspeed systems", "Lightspeed"}, {"contentwatch", "Net Nanny"}, {"smoothwall", "Smoothwall"},
	{"mitmproxy", "mitmproxy"}, {"charles proxy", "Charles"}, {"do_not_trust_fiddler", "Fiddler"}, {"fiddlerroot", "Fiddler"}, {"portswigger", "Burp"},
}

// interceptorOf names the product whose authority issued the leaf, "" when none is known.
// Names alone prove nothing: the caller asks only for chains that no public root stands behind.
func interceptorOf(chain []*x509.Certificate) string {
	for _, c := range chain {
		names := strings.Join(append(append([]string{c.Issuer.CommonName}, c.Issuer.Organization...), c.Issuer.OrganizationalUnit...), "\n")
		if product := Interceptor(names); product != "" {
			return product
		}
	}
	return ""
}

// Interceptor names the product whose authority calls itself so, "" when none is known.
func Interceptor(issuer string) string {
	issuer = strings.ToLower(issuer)
	for _, known := range interceptors {
		if hasWord(issuer, known.words) {
			return known.product
		}
	}
	return ""
}

// hasWord tells whether word stands in text with no letter or digit before it.
func hasWord(text, word string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		if from += i; from == 0 || !isLetterOrDigit(text[from-1]) {
			return true
		}
		from++
	}
}

func isLetterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
