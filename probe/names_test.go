package probe

import "testing"

func TestAHolderOfACertificateIsCalledAsPeopleDo(t *testing.T) {
	for dn, want := range map[string]string{
		"CN=R11,O=Let's Encrypt,C=US":                              "Let's Encrypt (R11)",
		"CN=ACME Root CA,O=ACME,C=DE":                              "ACME Root CA",
		`CN=Issuing CA,O=ACME\, Inc.,C=US`:                         "ACME, Inc. (Issuing CA)",
		"OU=Web/Mail Shield,O=Avast,CN=Avast Web/Mail Shield Root": "Avast Web/Mail Shield Root",
		"O=ACME,C=DE":                    "ACME",
		"CN=mail.acme.example":           "mail.acme.example",
		`SERIALNUMBER=1+CN=smtp\+1,C=DE`: "smtp+1",
		"C=DE":                           "C=DE",
		"":                               "",
	} {
		if got := holderName(dn); got != want {
			t.Errorf("%q: %q, want %q", dn, got, want)
		}
	}
}
