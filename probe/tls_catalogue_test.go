package probe

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// Every dialogue of the catalogue about TLS fails with the fault it is made
// for, and the server has nothing to complain of.
func TestTheCataloguesTLSDialoguesShowTheirFault(t *testing.T) {
	certificate := func(all ...cause.Observation) func(*Result) bool {
		return func(r *Result) bool {
			var want []string
			for _, o := range all {
				want = append(want, string(o))
			}
			return slices.Equal(evidenceAt[*CertificateEvidence](r, StepCertificate).Problems, want)
		}
	}
	tlsSeen := func(see func(*TLSEvidence) bool) func(*Result) bool {
		return func(r *Result) bool { return see(evidenceAt[*TLSEvidence](r, StepTLS)) }
	}
	for name, want := range map[string]struct {
		kind FaultKind // "" for a pass
		see  func(*Result) bool
	}{
		"cert-expired":              {BadCertificate, certificate(cause.CertExpired)},
		"cert-expires-soon":         {"", certificate(cause.CertExpiresSoon)},
		"cert-missing-intermediate": {BadCertificate, certificate(cause.CertMissingLink)},
		"cert-name-mismatch":        {BadCertificate, certificate(cause.CertNameMismatch)},
		"cert-not-yet-valid":        {BadCertificate, certificate(cause.CertNotYetValid)},
		"cert-self-signed":          {BadCertificate, certificate(cause.CertSelfSigned)},
		"cert-self-signed-insecure": {"", certificate(cause.CertSelfSigned)},
		"cert-tls-intercepted":      {BadCertificate, certificate(cause.CertIntercepted, cause.CertUnknownIssuer)},
		"cert-untrusted-chain":      {BadCertificate, certificate(cause.CertUnknownIssuer)},
		"cert-weak":                 {"", certificate(cause.CertWeakKey)},
		"tls-alert":                 {TLSAlert, tlsSeen(func(e *TLSEvidence) bool { return e.Alert == "internal_error" })},
		"tls-client-certificate":    {TLSAlert, tlsSeen(func(e *TLSEvidence) bool { return e.Alert == "certificate_required" && *e.ClientCertificateAsked })},
		"tls-client-certificate-1.2": {TLSAlert, tlsSeen(func(e *TLSEvidence) bool {
			return e.Alert == "handshake_failure" && *e.ClientCertificateAsked && len(e.VersionsAccepted) == 0
		})},
		"tls-closed":       {Closed, nil},
		"tls-garbage":      {TLSRecord, tlsSeen(func(e *TLSEvidence) bool { return e.plainLooks == "" })},
		"tls-old-version":  {TLSVersion, tlsSeen(func(e *TLSEvidence) bool { return slices.Equal(e.VersionsAccepted, []string{"1.0"}) })},
		"tls-plain-answer": {TLSRecord, tlsSeen(func(e *TLSEvidence) bool { return e.plainGreeting == "" && e.plainLooks == "smtp" })},
		"tls-silent":       {Timeout, nil},
		"tls-weak-cipher":  {TLSCipher, tlsSeen(func(e *TLSEvidence) bool { return e.weakCipher })},
		"wrong-encryption": {TLSRecord, tlsSeen(func(e *TLSEvidence) bool { return strings.HasPrefix(e.plainGreeting, "220 ") })},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				d, _ := smtptest.Lookup(name)
				s := catalogued(t, name)
				w.at(good4, s)
				w.names["localhost"] = []string{"192.0.2.10"}
				settings := given("localhost", 587, Encryption(d.Settings.Encryption), d.Settings.Account, d.Settings.Password)
				settings.Timeout, _ = time.ParseDuration(d.Settings.Timeout)
				settings.Insecure = d.Settings.Insecure
				report, _ := w.probed(t.Context(), settings)
				r := &report.Results[0]
				if want.kind != "" && (string(r.FailedStep) != d.Step || faultAt(r, StepID(d.Step)) != want.kind) {
					t.Errorf("failed at %s with %s", r.FailedStep, faultAt(r, StepID(d.Step)))
				}
				if want.kind == "" && r.FailedStep != "" {
					t.Errorf("failed at %s", r.FailedStep)
				}
				if want.see != nil && !want.see(r) {
					t.Errorf("%+v", slices.IndexFunc(r.Steps, func(s StepResult) bool { return s.Status == Fail }))
					for _, s := range r.Steps {
						t.Logf("%s %+v", s.ID, s.Evidence)
					}
				}
				if v := s.Violations(); len(v) > 0 {
					t.Errorf("the server complains: %v", v)
				}
			})
		})
	}
}

func evidenceAt[E Evidence](r *Result, id StepID) E {
	for _, s := range r.Steps {
		if e, ok := s.Evidence.(E); ok && s.ID == id {
			return e
		}
	}
	var none E
	return none
}

func faultAt(r *Result, id StepID) FaultKind {
	for _, s := range r.Steps {
		if s.ID == id && s.Fault != nil {
			return s.Fault.Kind
		}
	}
	return ""
}
