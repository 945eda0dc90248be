package probe

import (
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

func TestTheProviderIsKnownByWhatTheHostIsAnAliasOf(t *testing.T) {
	t.Parallel()
	of := func(host string) *Provider {
		if host == "w0123.kasserver.com" {
			return &Provider{ID: "all-inkl", Name: "ALL-INKL"}
		}
		return nil
	}
	known := &Provider{ID: "named"}
	for _, c := range []struct {
		before *Provider
		cname  List[string]
		want   string
	}{
		{nil, List[string]{"hop.acme.example", "w0123.kasserver.com"}, "all-inkl"},
		{nil, List[string]{"other.example"}, ""},
		{known, List[string]{"w0123.kasserver.com"}, "named"},
	} {
		r := &run{prober: &Prober{ProviderOf: of}, settings: Settings{Provider: c.before}, dns: &DNSEvidence{CNAME: c.cname}}
		r.recogniseProvider()
		if got := string(r.settings.Shown().Provider); got != c.want {
			t.Errorf("%v: %q, want %q", c.cname, got, c.want)
		}
	}
	(&run{prober: &Prober{}, dns: &DNSEvidence{CNAME: List[string]{"a.example"}}}).recogniseProvider() // nothing is known, nothing breaks
}

func TestAStepWithoutAPlaceInThePlanIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		encryption  Encryption
		until, want StepID
	}{
		{SSL, StepSTARTTLS, StepEHLO}, {SSL, StepEHLOTLS, StepEHLO}, {NoEncryption, StepCertificate, StepEHLO},
		{STARTTLS, StepSTARTTLS, StepSTARTTLS}, {SSL, StepSender, StepSender}, {SSL, "", ""},
	} {
		if got := lastAsked(Plan(Settings{Encryption: c.encryption}), c.until); got != c.want {
			t.Errorf("%s until %s: %q, want %q", c.encryption, c.until, got, c.want)
		}
	}
}

func TestWhatBecameOfTheMessageGoesBeforeTheWayToTheServer(t *testing.T) {
	t.Parallel()
	certificate := Finding{Cause: "cert-trusted-here-only", Step: Maybe(StepCertificate), Severity: cause.Warning}
	junk := Finding{Cause: "delivery-junk", Step: Maybe(StepDelivery), Severity: cause.Warning}
	kept := Finding{Cause: "redirect-sender-kept", Step: Maybe(StepRedirect), Severity: cause.Info}
	passed := &Result{}
	if rank(passed, junk) >= rank(passed, certificate) || rank(passed, certificate) >= rank(passed, kept) {
		t.Error("passed: expected junk, certificate, sender kept")
	}
	failed := &Result{FailedStep: Maybe(StepCertificate)}
	if rank(failed, certificate) >= rank(failed, junk) {
		t.Error("the failed step's causes go first")
	}
}
